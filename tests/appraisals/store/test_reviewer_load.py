"""What appraisers have in hand: open reviews and appraisals led, of running appraisals alone."""

from datetime import date

from appraisal.appraisals.services import reviews
from appraisal.appraisals.store.reviewer_load import list_loads
from tests import casts
from tests.casts import Stage

DUE = date(2010, 2, 26)


def _loads(stage: Stage, reader: str = "desk") -> dict[str, tuple[int, int]]:
    with stage.database.read() as db:
        found = list_loads(db, stage.people[reader])
    return {load.person.name: (load.reviews, load.leads) for load in found}


def test_only_what_is_still_to_be_done_counts(stage: Stage) -> None:
    assert _loads(stage) == dict.fromkeys(("Actemp", "Actrav", "All", "Eval", "Lead"), (0, 0))
    first, second = casts.rated(stage), casts.rated(stage)
    casts.awaiting(stage)
    assert _loads(stage)["Lead"] == (0, 2)
    with stage.database.begin() as db:
        for number in (first, second):
            reviews.ask(
                db, stage.library, stage.people["desk"], stage.now, number, stage.people["eval"], ["GEN"], DUE
            )
        reviews.ask(
            db, stage.library, stage.people["desk"], stage.now, first, stage.people["all"], ["GEN"], DUE
        )
    assert (_loads(stage)["Eval"], _loads(stage)["All"]) == ((2, 0), (1, 0))
    with stage.database.begin() as db:
        reviews.decline(db, stage.library, stage.people["eval"], stage.now, first, "On leave.")
        reviews.declare(db, stage.library, stage.people["all"], stage.now, first, conflict="My brother's.")
    assert (_loads(stage)["Eval"], _loads(stage)["All"]) == ((1, 0), (0, 0))
    stage.wait(days=60)
    casts.take(stage, "lead", second, "finalise")
    assert (_loads(stage)["Eval"], _loads(stage)["Lead"]) == ((0, 0), (0, 1))


def test_what_a_reader_owes_a_review_of_tells_nothing_of_the_others(stage: Stage) -> None:
    first, second = casts.rated(stage), casts.rated(stage)
    with stage.database.begin() as db:
        for number, who in ((first, "eval"), (first, "all"), (second, "eval")):
            person = stage.people[who]
            reviews.ask(db, stage.library, stage.people["desk"], stage.now, number, person, ["GEN"], DUE)
    assert (_loads(stage)["Eval"], _loads(stage)["All"]) == ((2, 0), (1, 0))
    assert (_loads(stage, "all")["Eval"], _loads(stage, "all")["All"]) == ((1, 0), (0, 0))


def test_one_statement_however_many_there_are(lite: Stage) -> None:
    casts.rated(lite)
    with lite.database.read() as db, casts.counted() as sent:
        list_loads(db, lite.people["desk"])
    assert len([statement for statement in sent if statement.startswith("SELECT")]) == 1
