"""Sessions as they are kept: begun by a right password alone, found by a token, ended, forgotten."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest
from argon2 import PasswordHasher
from sqlalchemy import insert, select

from appraisal.accounts.rules.sessions import Visit
from appraisal.accounts.services import accounts, sessions
from appraisal.accounts.services.accounts import BadPerson
from appraisal.accounts.store import sessions as stored
from appraisal.app.daily import tick
from appraisal.database import tables
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.settings import BadSetting, SessionLimits, session_limits
from appraisal.trail.store import site
from tests import casts
from tests.app.test_races import race
from tests.casts import Stage, counted
from tests.tampering import unwatched

HASHING: Final = accounts.hasher(quick=True)
LIMITS: Final = SessionLimits()
PASSWORD: Final = "correct horse battery"
NEW: Final = "four words on paper"
SESSIONS: Final = tables.sessions


def give_password(stage: Stage, key: str, password: str = PASSWORD) -> None:
    with stage.database.begin() as db:
        accounts.set_password(db, HASHING, stage.now, stage.people[key].id, password)


def sign_in(
    stage: Stage, key: str, password: str = PASSWORD, hashing: PasswordHasher = HASHING
) -> str | None:
    return accounts.sign_in(
        stage.database, hashing, stage.now, f"{key}@example.org", password, "Firefox/1 Linux"
    )


def opened(stage: Stage, key: str = "ana") -> str:
    token = sign_in(stage, key)
    assert token is not None
    return token


def visit_of(stage: Stage, token: str) -> Visit | None:
    with stage.database.read() as db:
        return sessions.find_visit(db, LIMITS, stage.now, token)


def id_of(stage: Stage, token: str) -> int:
    found = visit_of(stage, token)
    assert found is not None
    return found.session.id


def close(stage: Stage, key: str, *, active: bool = False) -> None:
    person = stage.people[key]
    with stage.database.begin() as db:
        accounts.change_person(
            db,
            stage.people["admin"],
            stage.now,
            person.id,
            name=person.name,
            roles=sorted(person.roles),
            unit=person.unit,
            duty_station=person.duty_station,
            language=person.language,
            active=active,
            library=stage.library,
        )


def ends(stage: Stage) -> list[str]:
    """Return why each session ended, in the order in which they began; empty for those that have not."""
    with stage.database.read() as db:
        rows = db.execute(select(SESSIONS.c.end_reason, SESSIONS.c.ended_at).order_by(SESSIONS.c.id)).all()
    assert all((row.end_reason == "") == (row.ended_at is None) for row in rows)
    return [row.end_reason for row in rows]


def test_a_token_is_found_in_one_statement_and_kept_nowhere(stage: Stage) -> None:
    give_password(stage, "ana")
    stage.wait(hours=1)
    token = opened(stage)
    with counted() as sent, stage.database.read() as db:
        found = sessions.find_visit(db, LIMITS, stage.now, token)
    assert len([statement for statement in sent if "SELECT" in statement]) == 1
    assert found is not None
    assert found.person == stage.people["ana"]
    assert found.password_set_at == stage.now - timedelta(hours=1)
    assert (found.session.created_at, found.session.last_used_at) == (stage.now, stage.now)
    assert (found.session.browser, found.session.previous_at) == ("Firefox, Linux", None)
    assert token not in repr(casts.contents(stage))
    # What is kept opens nothing.
    with stage.database.read() as db:
        digest = db.execute(select(SESSIONS.c.digest)).scalar_one()
    for wrong in (digest, "", token[:-1], token + "x", f"{found.person.id}.0", "\N{SNOWMAN}" * 1000):
        assert visit_of(stage, wrong) is None


def test_each_session_knows_when_the_person_had_signed_in_before(stage: Stage) -> None:
    give_password(stage, "ana")
    give_password(stage, "ben")
    begun = []
    for _ in range(3):
        begun.append(stage.now)
        opened(stage, "ben")
        token = opened(stage)
        found = visit_of(stage, token)
        assert found is not None
        assert found.session.previous_at == (begun[-2] if len(begun) > 1 else None)
        # Long after: what was forgotten meanwhile is not missed.
        stage.wait(days=100)
        tick(stage.database, stage.library, stage.now)


@pytest.mark.parametrize("key", ["nobody", "ana", "ben", "closed"])
def test_no_session_begins_without_a_right_password(stage: Stage, key: str) -> None:
    give_password(stage, "ana")
    give_password(stage, "all")
    close(stage, "all")
    before = casts.contents(stage)
    who = "all" if key == "closed" else key
    assert sign_in(stage, who, PASSWORD if key == "closed" else "wrong") is None
    after = casts.contents(stage)
    logged = after.pop("accesses")
    del before["accesses"]
    assert after == before
    assert [row[3] for row in logged] == ["sign_in_failed"]


class Interrupted(PasswordHasher):
    """A hasher after whose check something else happens before the session begins."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.act = act

    def verify(self, *args: Any, **kwargs: Any) -> Any:
        """Check a password."""
        checked = super().verify(*args, **kwargs)
        self.act()
        return checked


def test_no_session_outlasts_what_happens_while_the_password_is_checked(stage: Stage) -> None:
    give_password(stage, "ana")
    for act in (lambda: close(stage, "ana"), lambda: give_password(stage, "ana", NEW)):
        assert sign_in(stage, "ana", hashing=Interrupted(act)) is None
        close(stage, "ana", active=True)
    assert ends(stage) == []


@pytest.mark.parametrize("go", range(3))
def test_a_session_that_begins_while_the_password_changes_does_not_last(stage: Stage, go: int) -> None:
    give_password(stage, "ana")
    found = race(
        lambda: sign_in(stage, "ana"),
        lambda: sign_in(stage, "ana"),
        lambda: give_password(stage, "ana", NEW),
        lambda: sign_in(stage, "ana"),
    )
    assert all(token is None or isinstance(token, str) for token in found), found
    assert [token for token in found if isinstance(token, str) and visit_of(stage, token)] == []
    assert "" not in ends(stage)


def test_a_session_is_ended_once_by_its_own_person(stage: Stage) -> None:
    for key in ("ana", "ben"):
        give_password(stage, key)
    mine, other = opened(stage), opened(stage, "ben")
    ana, id = stage.people["ana"].id, id_of(stage, mine)
    for stranger in (stage.people["ben"].id, stage.people["admin"].id, 10**30):
        before = casts.contents(stage)
        with stage.database.begin() as db:
            if stranger != 10**30:
                assert not sessions.end_session(db, stage.now, stranger, id)
            else:
                assert not sessions.end_session(db, stage.now, ana, stranger)
        assert casts.contents(stage) == before
    with stage.database.begin() as db:
        assert sessions.end_session(db, stage.now, ana, id, "listed")
        assert not sessions.end_session(db, stage.now, ana, id, "listed")
    assert visit_of(stage, mine) is None
    assert visit_of(stage, other) is not None
    assert ends(stage) == ["listed", ""]
    log = tables.accesses
    with stage.database.read() as db:
        rows = db.execute(select(log.c.action, log.c.person_id, log.c.subject).order_by(log.c.id)).all()
    assert rows[2:] == [("sign_out", ana, "listed")]


def test_closing_an_account_ends_its_sessions_for_good(stage: Stage) -> None:
    for key in ("ana", "ben"):
        give_password(stage, key)
    mine, other = opened(stage), opened(stage, "ben")
    close(stage, "ana")
    close(stage, "ana", active=True)
    assert visit_of(stage, mine) is None
    assert visit_of(stage, other) is not None
    assert ends(stage) == ["closed", ""]


def test_an_account_that_is_closed_is_nobody_even_with_a_session(stage: Stage) -> None:
    with stage.database.begin() as db:
        token = sessions.open_session(db, stage.now, stage.people["ana"].id)
    assert visit_of(stage, token) is not None
    with unwatched(stage.database) as db:
        table = tables.people
        db.execute(table.update().where(table.c.id == stage.people["ana"].id).values(active=False))
    assert visit_of(stage, token) is None


def change(stage: Stage, token: str, old: str = PASSWORD, new: str = NEW) -> str:
    found = visit_of(stage, token)
    assert found is not None
    return accounts.change_own_password(
        stage.database, HASHING, stage.now, found.person.id, found.session.id, old=old, new=new
    )


def test_a_new_password_leaves_one_session_with_a_new_token(stage: Stage) -> None:
    for key in ("ana", "ben"):
        give_password(stage, key)
    stage.wait(hours=1)
    other, mine, bens = opened(stage), opened(stage), opened(stage, "ben")
    with stage.database.begin() as db:
        link = accounts.issue_link(db, SYSTEM_ACTOR, stage.now, stage.people["ana"].id, "reset")
        chain = len(site.chain(db))
    id = id_of(stage, mine)
    stage.wait(minutes=1)
    token = change(stage, mine)
    # The copies of the cookie are out, and so is every other session; this one goes on.
    assert [visit_of(stage, old) for old in (other, mine)] == [None, None]
    found = visit_of(stage, token)
    assert found is not None
    assert (found.session.id, found.password_set_at) == (id, stage.now)
    assert visit_of(stage, bens) is not None
    assert ends(stage) == ["password", "", ""]
    assert sign_in(stage, "ana") is None
    assert sign_in(stage, "ana", NEW) is not None
    with pytest.raises(BadPerson) as caught, stage.database.begin() as db:
        accounts.set_password_by_link(db, HASHING, stage.now, link, "reset", "another four words")
    assert caught.value.codes == ("link",)
    with stage.database.read() as db:
        events = site.chain(db)
    ana = stage.people["ana"].id
    said = events[-1].facts
    assert (len(events), said["action"], said["by"]) == (chain + 1, "change_password", ana)
    assert said["facts"] == {"person": ana, "how": "own"}


@pytest.mark.parametrize(
    ("old", "new", "codes"),
    [
        ("wrong", NEW, ("password_wrong",)),
        ("", NEW, ("password_wrong",)),
        (PASSWORD, "short", ("password_short",)),
        (PASSWORD, "x" * 201, ("password_long",)),
        ("wrong", "", ("password_wrong", "password_short")),
    ],
)
def test_nobody_changes_a_password_without_the_old_one_or_to_a_bad_one(
    stage: Stage, old: str, new: str, codes: tuple[str, ...]
) -> None:
    give_password(stage, "ana")
    token = opened(stage)
    before = casts.contents(stage)
    with pytest.raises(BadPerson) as caught:
        change(stage, token, old, new)
    assert caught.value.codes == codes
    after = casts.contents(stage)
    logged = [row[3] for row in after.pop("accesses") if row not in before["accesses"]]
    del before["accesses"]
    assert after == before
    assert logged == (["password_failed"] if "password_wrong" in codes else [])


def test_of_two_who_change_a_password_at_once_one_does(stage: Stage) -> None:
    give_password(stage, "ana")
    first, second = (visit_of(stage, opened(stage)) for _ in range(2))
    assert first is not None
    assert second is not None

    def changing(visit: Visit, new: str) -> Callable[[], str]:
        return lambda: accounts.change_own_password(
            stage.database, HASHING, stage.now, visit.person.id, visit.session.id, old=PASSWORD, new=new
        )

    given = (NEW, "another four words")
    found = race(changing(first, given[0]), changing(second, given[1]))
    [token] = [entry for entry in found if isinstance(entry, str)]
    [error] = [entry for entry in found if isinstance(entry, BadPerson)]
    assert error.codes == ("password_wrong",)
    assert visit_of(stage, token) is not None
    assert sorted(ends(stage)) == ["", "password"]
    assert sign_in(stage, "ana", given[found.index(token)]) is not None


def test_what_ended_long_ago_is_forgotten_by_a_tick(stage: Stage) -> None:
    for key in ("ana", "ben"):
        give_password(stage, key)
    old = [opened(stage), opened(stage), opened(stage, "ben")]
    kept = casts.contents(stage)["accesses"]
    stage.wait(days=29, hours=23)
    new = opened(stage)
    tick(stage.database, stage.library, stage.now)
    assert len(ends(stage)) == 4
    stage.wait(hours=1, seconds=1)
    assert [visit_of(stage, token) for token in old] == [None] * 3
    assert visit_of(stage, new) is not None
    tick(stage.database, stage.library, stage.now)
    with stage.database.read() as db:
        left = db.execute(select(SESSIONS.c.person_id).order_by(SESSIONS.c.id)).scalars().all()
    # Of Ben the newest, which says when he had signed in before.
    assert left == [stage.people["ben"].id, stage.people["ana"].id]
    assert visit_of(stage, new) is not None
    # The log of who signed in stays whole.
    assert casts.contents(stage)["accesses"][: len(kept)] == kept


def test_settings_let_no_session_last_longer_than_it_is_kept() -> None:
    longest = session_limits({"APPRAISAL_SESSION_HOURS": "168", "APPRAISAL_SESSION_IDLE_MINUTES": "10080"})
    assert longest == SessionLimits(timedelta(days=7), timedelta(days=7))
    assert longest.lifetime < sessions.KEPT
    with pytest.raises(BadSetting):
        session_limits({"APPRAISAL_SESSION_HOURS": "169"})


def test_the_list_names_what_lasts_and_is_read_in_one_statement(lite: Stage) -> None:
    give_password(lite, "ana")
    ana = lite.people["ana"].id
    with lite.database.begin() as db:
        db.execute(
            insert(SESSIONS),
            [
                {
                    "person_id": ana,
                    "digest": f"old-{number}",
                    "method": "password",
                    "browser": "",
                    "created_at": lite.now - timedelta(days=20),
                    "last_used_at": lite.now - timedelta(days=20),
                }
                for number in range(300)
            ],
        )
    tokens = [opened(lite) for _ in range(3)]
    opened(lite, "ana")
    lite.wait(minutes=90)
    with lite.database.begin() as db:
        for token in tokens[:2]:
            stored.note_use(db, lite.now, id_of(lite, token))
        sessions.end_session(db, lite.now, ana, id_of(lite, tokens[2]))
    lite.wait(minutes=60)
    with counted() as sent, lite.database.read() as db:
        found = sessions.list_sessions(db, LIMITS, lite.now, ana)
    assert len([statement for statement in sent if "SELECT" in statement]) == 1
    assert [session.id for session in found] == sorted((id_of(lite, t) for t in tokens[:2]), reverse=True)


def test_a_use_is_never_taken_back(lite: Stage) -> None:
    give_password(lite, "ana")
    token = opened(lite)
    id, begun = id_of(lite, token), lite.now
    with lite.database.begin() as db:
        stored.note_use(db, begun + timedelta(minutes=10), id)
        stored.note_use(db, begun + timedelta(minutes=5), id)
    lite.wait(minutes=10)
    found = visit_of(lite, token)
    assert found is not None
    assert found.session.last_used_at == begun + timedelta(minutes=10)
