"""Scenarios that tests write: the people, a proposal on its way, and playing them."""

from pathlib import Path

from click.testing import CliRunner, Result

from appraisal.cli import main

HEAD = """\
schema: 1
title: A test
people:
  designer: [designer]
  desk: [coordinator]
  reader: [appraiser]
  chief: [manager]
steps:
"""


def play(tmp_path: Path, text: str, *options: str) -> Result:
    file = tmp_path / "test.yaml"
    file.write_text(HEAD + text, encoding="utf-8")
    return CliRunner().invoke(main, ["play", str(file), *options])


APPROVED = """\
  - {at: 2010-02-01T09:00:00+01:00, by: designer, do: propose, as: P1, with: {title: One}}
  - {by: designer, do: submit, to: P1}
  - {by: desk, do: assign, to: P1, with: {lead: reader}}
  - {by: reader, do: rate, to: P1, with: {default: 2, TRI-4: 1}}
  - {by: reader, do: finalise, to: P1}
  - {by: chief, do: approve, to: P1}
"""

# A proposal that a lead is rating.
APPRAISING = """\
  - {at: 2010-02-01T09:00:00+01:00, by: designer, do: propose, as: P1, with: {title: One}}
  - {by: designer, do: submit, to: P1}
  - {by: desk, do: assign, to: P1, with: {lead: reader}}
"""
