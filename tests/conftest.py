"""Tests of several nouns share what stands here."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from appraisal.definitions.library import Library, read_library
from appraisal.paths import folder
from appraisal.workflow.rules.guards import names

pytest_plugins = (
    "tests.suites",
    "tests.stages",
    "tests.web.sites",
    "tests.printing.prints",
    "tests.cli.installations",
)

# How long an example takes depends on what else the machine does.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
def library() -> Library:
    """The definitions that the product ships."""
    return read_library(folder("workflows"), folder("checklists"), names())


@pytest.fixture(scope="session", autouse=True)
def _nothing_outlives_a_loss_of_power() -> Iterator[None]:
    """Let files not wait for the disk, as the databases of tests do not either."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield
