"""Pictures: words in them keep clear of lines that are near."""

import re
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader

from appraisal.paths import folder

MILESTONES = [{"value": 75.0, "label": "2010–11: 75%"}, {"value": 100.0, "label": "2014–15: 100%"}]


@pytest.fixture(scope="module")
def pictures() -> Any:
    environment = Environment(loader=FileSystemLoader(folder("templates")), autoescape=True)
    return environment.get_template("web/pictures.html").module


@pytest.mark.parametrize("width", [720, 290])
@pytest.mark.parametrize(
    ("value", "is_below"), [(60, False), (72, True), (74.9, False), (80, False), (97, True), (100, True)]
)
def test_a_value_stands_clear_of_a_milestone_that_is_near(
    pictures: Any, width: int, value: float, is_below: bool
) -> None:
    point = {"label": "2010–11", "value": value, "text": "here"}
    drawn = pictures.trend([point], MILESTONES, {"title": "Share"}, str, width)
    circle = re.search(r'<circle cx="[^"]*" cy="([^"]*)"', drawn)
    words = re.search(r'<text x="[^"]*" y="([^"]*)"[^>]*>here<', drawn)
    assert circle is not None
    assert words is not None
    assert (float(words[1]) > float(circle[1])) == is_below
    lines = [float(y) for y in re.findall(r'<line [^>]*y1="([^"]*)"[^>]*stroke-dasharray', drawn)]
    assert len(lines) == 2
    assert not any(float(words[1]) - 10 < line < float(words[1]) for line in lines)
