"""The command ``people`` opens accounts from the command line, above all the first administrator's."""

from collections.abc import Callable
from datetime import datetime
from typing import cast

import click
from sqlalchemy import Connection

from appraisal import clock
from appraisal.accounts.rules.accounts import AccountRequest
from appraisal.accounts.services import accounts as services
from appraisal.accounts.services import confirmations, substitutes
from appraisal.accounts.services.accounts import Account, BadPerson, Purpose
from appraisal.accounts.store import requests
from appraisal.cli import site
from appraisal.database.engine import Database
from appraisal.language.texts import LANGUAGES
from appraisal.people.facts import SYSTEM_ACTOR, Person, Scope
from appraisal.people.rules.substitutes import ROLE_FOR
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.vocabulary.roles import Role

PATHS: dict[Purpose, str] = {"invitation": "/invitation/", "reset": "/password-reset/"}
_FAULTS = {
    "email": "Write an e-mail address, like name@example.org.",
    "email_taken": "There is an account with this address already.",
    "name": "Write a name of at most 200 characters.",
    "roles_apart": "An administrator is neither appraiser nor manager.",
}
as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group()
def people() -> None:
    """Add the first administrator, list accounts, issue links, confirm requests, name substitutes.

    Once somebody can sign in, whatever opens an account from here is an emergency: the trail says so, every
    auditor's page shows it, and the owner and all administrators are told by mail.
    """


@people.command("add-administrator")
@click.option("--email", required=True, help="The address to sign in with.")
@click.option("--name", required=True)
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@as_json
def add_administrator(email: str, name: str, language: str, as_json: bool) -> None:
    """Create an administrator and print the link with which they choose a password."""

    def create(database: Database) -> tuple[Person, str]:
        now = clock.now()
        with database.begin() as db:
            emergency = services.has_begun(db)
            person = services.create_person(
                db,
                SYSTEM_ACTOR,
                now,
                email=email,
                name=name,
                roles=("administrator",),
                language=language,
                emergency=emergency,
            )
            return person, services.issue_link(
                db, SYSTEM_ACTOR, now, person.id, "invitation", emergency=emergency
            )

    try:
        person, token = _with_database(create)
    except BadPerson as error:
        site.fail("\n".join(_FAULTS.get(code, code) for code in error.codes))
    _report(person, "invitation", token, as_json)


def _with_database(act: Callable[[Database], tuple[Person, str]]) -> tuple[Person, str]:
    with site.opened(site.settings()) as (database, _):
        return act(database)


def _report(person: Person, purpose: Purpose, token: str, as_json: bool) -> None:
    path = PATHS[purpose] + token
    if as_json:
        site.echo_json({"id": person.id, "email": person.email, "purpose": purpose, "path": path})
        return
    days = services.INVITATION.days if purpose == "invitation" else 0
    hours = int(services.RESET.total_seconds() // 3600)
    lasts = f"{days} days" if days else f"{hours} hours"
    click.echo(
        f"{person.name} <{person.email}>: open this path of the site once, within {lasts}:\n\n    {path}\n"
    )


@people.command("list")
@as_json
def list_(as_json: bool) -> None:
    """List every account with its roles."""
    with site.opened(site.settings()) as (database, _), database.read() as db:
        accounts = services.list_people(db)
    if as_json:
        site.echo_json([_plain(account) for account in accounts])
        return
    for account in accounts:
        person = account.person
        standing = "closed" if not person.active else "open" if account.has_password else "invited"
        roles = " ".join(sorted(person.roles))
        click.echo(f"{person.id:>4}  {standing:<7}  {person.email:<30}  {person.name:<30}  {roles}")


def _plain(account: Account) -> dict[str, object]:
    person = account.person
    return {
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "roles": sorted(person.roles),
        "unit": person.unit,
        "duty_station": person.duty_station,
        "language": person.language,
        "active": person.active,
        "has_password": account.has_password,
    }


@people.command()
@click.argument("who", metavar="ID|EMAIL")
@as_json
def invite(who: str, as_json: bool) -> None:
    """Print a new invitation link for an account that has no password yet."""
    _issue(who, "invitation", as_json)


@people.command()
@click.argument("who", metavar="ID|EMAIL")
@as_json
def reset(who: str, as_json: bool) -> None:
    """Print a link for a new password."""
    _issue(who, "reset", as_json)


def _issue(who: str, purpose: Purpose, as_json: bool) -> None:
    def issue(database: Database) -> tuple[Person, str]:
        with database.begin() as db:
            found = _find(db, who)
            if not found.person.active:
                site.fail(f"The account of {found.person.name} is closed.", code=1)
            if purpose == "invitation" and found.has_password:
                site.fail(
                    f"{found.person.name} has a password already: use “appraisal people reset”.", code=1
                )
            return found.person, services.issue_link(
                db,
                SYSTEM_ACTOR,
                clock.now(),
                found.person.id,
                purpose,
                emergency=services.has_begun(db),
            )

    person, token = _with_database(issue)
    _report(person, purpose, token, as_json)


@people.command("requests")
@as_json
def list_requests(as_json: bool) -> None:
    """List what administrators asked for and a second person has to confirm."""
    with site.opened(site.settings()) as (database, _), database.read() as db:
        waiting = requests.list_open(db, clock.now())
    if as_json:
        site.echo_json([_plain_request(request) for request in waiting])
        return
    for request in waiting:
        what = f"roles: {' '.join(request.adds)}" if request.kind == "roles" else "a link"
        click.echo(f"{request.id:>4}  {request.person.email:<30}  {what}  (asked by {request.asked_by.name})")


def _plain_request(request: AccountRequest) -> dict[str, object]:
    return {
        "id": request.id,
        "kind": request.kind,
        "person": request.person.id,
        "email": request.person.email,
        "adds": list(request.adds),
        "asked_by": request.asked_by.id,
        "asked_at": request.asked_at.isoformat(),
        "expires_at": request.expires_at.isoformat(),
    }


@people.command("confirm")
@click.argument("id", metavar="REQUEST", type=int)
@as_json
def confirm(id: int, as_json: bool) -> None:
    """Confirm a request, where nobody on the site can: a site with one administrator and no manager.

    Where another administrator or a manager could, it is done as well, as an emergency.
    """
    with site.opened(site.settings()) as (database, _):
        try:
            with database.begin() as db:
                confirmed = confirmations.confirm(db, SYSTEM_ACTOR, clock.now(), id)
        except NotAllowed as error:
            site.fail("\n".join(refusal.say("en") for refusal in error.refusals), code=1)
        except BadPerson as error:
            site.fail("\n".join(_FAULTS.get(code, code) for code in error.codes), code=1)
    request = confirmed.request
    if confirmed.token:
        _report(request.person, confirmed.purpose, confirmed.token, as_json)
    elif as_json:
        site.echo_json(_plain_request(request))
    else:
        click.echo(f"{request.person.name} <{request.person.email}> now holds: {' '.join(request.adds)}.")


def _find(db: Connection, who: str) -> Account:
    found = next((entry for entry in services.list_people(db) if who.lower() in _names(entry)), None)
    if found is None:
        site.fail(f"There is no account {who}.")
    return found


def _names(account: Account) -> tuple[str, str]:
    return str(account.person.id), account.person.email


@people.command()
@click.argument("person", metavar="PERSON")
@click.argument("substitute", metavar="SUBSTITUTE")
@click.option(
    "--for",
    "scope",
    type=click.Choice(list(ROLE_FOR)),
    required=True,
    help="What for: appraisals that the person leads, or decisions as a manager.",
)
@click.option("--first", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The first day.")
@click.option("--last", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The last day, included.")
@click.option("--as", "admin", metavar="ID|EMAIL", help="The administrator; needed where there are several.")
@as_json
def substitute(
    person: str,
    substitute: str,
    scope: str,
    first: datetime,
    last: datetime,
    admin: str | None,
    as_json: bool,
) -> None:
    """Name who stands in for a person, for an absence that came suddenly."""
    with site.opened(site.settings()) as (database, _):
        try:
            with database.begin() as db:
                named = substitutes.name_substitute(
                    db,
                    _administrator(db, admin),
                    clock.now(),
                    person=_find(db, person).person.id,
                    substitute=_find(db, substitute).person.id,
                    scope=cast(Scope, scope),
                    first=first.date(),
                    last=last.date(),
                )
        except NotAllowed as error:
            site.fail("\n".join(refusal.say("en") for refusal in error.refusals), code=1)
    days = {"first": named.first.isoformat(), "last": named.last.isoformat()}
    if as_json:
        site.echo_json({"id": named.id, "person": named.person, "substitute": named.substitute, **days})
        return
    click.echo(
        f"{named.substitute_name} stands in for {named.person_name} ({scope}) "
        f"from {days['first']} to {days['last']}."
    )


def _administrator(db: Connection, who: str | None) -> Person:
    """Find who names: the administrator given, else the only one there is."""
    if who is not None:
        return _find(db, who).person
    found = [entry.person for entry in services.list_people(db) if entry.person.active]
    administrators = [person for person in found if person.has("administrator")]
    if len(administrators) != 1:
        site.fail(f"There are {len(administrators)} administrators; say with --as who names the substitute.")
    return administrators[0]


def find_coordinator(db: Connection, email: str | None) -> Person:
    """Find who acts in an import: the person named, else the only coordinator there is."""
    return find_holder(db, email, "coordinator")


def find_holder(db: Connection, email: str | None, role: Role) -> Person:
    """Find who acts: the person named, whatever their roles, else the only one who holds a role."""
    if email is not None:
        account = services.find_by_email(db, email)
        if account is None:
            site.fail(f"There is no account with the address {email}.")
        return account.person
    found = [account.person for account in services.list_people(db) if account.person.active]
    holders = [person for person in found if person.has(role)]
    if len(holders) != 1:
        site.fail(f"There are {len(holders)} {role}s; name the one who acts with --as EMAIL.")
    return holders[0]
