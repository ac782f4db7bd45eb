"""Chains, checkpoints, proofs and signatures of a bundle are checked here, and how far each reaches."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from appraisal.clock import geneva_date
from appraisal.records.facts import ACTION as ISSUER
from appraisal.records.rules import validity as validities
from appraisal.records.rules.validity import Validity
from appraisal.records.signing.certificates import NotCertificates, expiry_of
from appraisal.trail.rules import events, merkle
from appraisal.trail.rules.checkpoints import BadCheckpoint, Checkpoint, head_entry, read_checkpoint
from appraisal.trail.rules.events import GENESIS, Event
from appraisal.verification.reading.signatures import examine_text
from appraisal.verification.rules.bundle_manifest import SIGNATURE
from appraisal.verification.services.bundle_examination import LEEWAY, Checking, moment, ranged, several
from appraisal.verification.services.checkpoints import ACTION as CHECKPOINT

SITE: Final = "events/site.jsonl"
_LARGEST_SIGNATURE: Final = 1 << 20
# Why a signature that is whole says nothing yet of who made it.
_OPEN: Final[Mapping[str, str]] = {
    "unasked": "no authority is trusted here (--trust)",
    "expired_since": "the certificate expired since",
}


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of events that holds: its digests, what it names, and what came of it.

    ``validities`` tells of every record that it names whether it counted after its last event; ``state`` is
    the one that its last step led to.
    """

    digests: Sequence[str]
    versions: Mapping[int, str]
    validities: Mapping[str, Validity]
    began_at: str
    state: str


@dataclass(frozen=True, slots=True)
class Site:
    """The installation's own chain: its digests, the checkpoints that it tells of, and whose keys sign.

    ``told`` gives by the sequence of a checkpoint its digest and the SHA-256 of the certificate in force;
    ``keys`` are all changes of the key with their moments, an empty one where it was retired or has expired.
    ``expired`` names those that did, with the last moment of each, and ``newest_at`` is the moment of the
    newest event.
    """

    digests: Sequence[str]
    told: Mapping[int, tuple[str, str]]
    keys: Sequence[tuple[str, str]]
    expired: Mapping[str, str]
    newest_at: str

    @property
    def in_force(self) -> str:
        """Return the SHA-256 of the certificate in force, empty for none."""
        return self.keys[-1][1] if self.keys else ""

    @property
    def key_expired(self) -> str:
        """Return the last moment of the last key, where none is in force because it has expired."""
        last = next((key for _, key in reversed(self.keys) if key), "")
        return "" if self.in_force else self.expired.get(last, "")

    @property
    def signers(self) -> frozenset[str]:
        """Return the SHA-256 of every certificate that was ever in force."""
        return frozenset(key for _, key in self.keys if key)


def check_signature(run: Checking, manifest_json: bytes, site: Site | None) -> None:
    """Say of the manifest who signed it, and whether it vouches for the rest."""
    is_signed = SIGNATURE in run.archive.namelist()
    if site and run.manifest.key_expired != ("" if is_signed else site.key_expired):
        said = "What the manifest says of a key that has expired is not what the site's chain says."
        run.tell("signature", "fails", said)
    if not is_signed:
        if site and site.in_force:
            run.tell("signature", "fails", "The manifest is not signed, though a key is in force.")
        elif site and site.key_expired:
            said = f"The manifest is not signed, as the key expired on {geneva_date(moment(site.key_expired))}. That none"
            run.tell("signature", "unchecked", f"{said} has been in force since only the site's chain says.")
        elif site and site.signers:
            said = "The manifest is not signed. This installation has signed before; that its key"
            run.tell("signature", "unchecked", f"{said} was retired only its own chain says.")
        else:
            said = (
                "The manifest is not signed: what was asked, when and by whom, that nothing was left out or"
            )
            run.tell(
                "signature", "unchecked", f"{said} is newer, and what its HTML pages say, nobody vouches for."
            )
        return
    made = examine_text(manifest_json, run.read(SIGNATURE, _LARGEST_SIGNATURE), run.grounds)
    signer = f"{made.subject} (SHA-256 {made.fingerprint})"
    if made.problems:
        said = f"The signature of the manifest does not hold: {', '.join(made.problems)}."
        run.tell("signature", "fails", said)
    elif site is not None and made.fingerprint != site.in_force:
        run.tell("signature", "fails", f"The manifest is signed by {signer}, whose key is not in force.")
    elif made.trust == "trusted":
        run.is_vouched = site is not None
        run.tell("signature", "holds", f"The manifest is signed by {signer}.")
    elif made.trust in _OPEN:
        said = f"The signature of the manifest is whole; whether it is that of {signer} could not be checked"
        run.tell("signature", "unchecked", f"{said}: {_OPEN[made.trust]}.")
    else:
        run.tell("signature", "fails", f"The certificate of {signer} is not to be trusted: {made.trust}.")


def check_chain(run: Checking, number: str, path: str) -> Chain | None:
    """Follow the chain of a proposal; None where it does not hold."""
    if not path:
        run.tell("events", "fails", f"{number}: its events are missing")
        return None
    rows = _followed(run, number, path, "events")
    if not rows:
        if rows is not None:
            run.tell("events", "fails", f"{number}: its chain is empty")
        return None
    run.counted["chains"] += 1
    run.counted["events"] += len(rows)
    said = [row.facts for row in rows]
    versions: dict[int, str] = {}
    state = ""
    for facts in (entry["facts"] for entry in said):
        if "version" in facts and "digest" in facts:
            versions.setdefault(facts["version"], facts["digest"])
        state = facts.get("to", state)
    for sequence, entry in enumerate(said, 1):
        if not run.check_time("events", entry["at"], f"{number}: event {sequence}"):
            break
    found = validities.along(said)
    return Chain([row.digest for row in rows], versions, found, said[0]["at"], state)


def _followed(run: Checking, name: str, path: str, check: str) -> list[Event] | None:
    """Return the events of a chain where they follow each other and belong to it, else None."""
    try:
        rows = [_event(line, name) for line in run.read(path).splitlines()]
    except (ValueError, TypeError, KeyError, RecursionError):
        run.tell(check, "fails", f"{path} is not written as events are")
        return None
    if fault := events.broken(rows):
        run.tell(check, "fails", f"{name}: {fault}")
        return None
    return rows


def _event(line: bytes, name: str) -> Event:
    held = json.loads(line)
    body = json.loads(held["body"])
    if held["proposal"] != name or body["proposal"] != name or not isinstance(body["facts"], dict):
        raise ValueError(name)
    moment(body["at"])
    return Event(held["sequence"], held["body"], held["digest"])


def check_site_chain(run: Checking) -> Site | None:
    """Follow the installation's own chain, and hear what it tells of checkpoints and keys."""
    if SITE not in run.manifest.entries:
        run.tell("site", "fails", "The chain of the installation is missing.")
        return None
    rows = _followed(run, "site", SITE, "site")
    if rows is None:
        return None
    keys: list[tuple[str, str]] = []
    expired: dict[str, str] = {}
    told: dict[int, tuple[str, str]] = {}
    try:
        for entry in (row.facts for row in rows):
            if entry["action"] == ISSUER:
                at, key = entry["at"], entry["facts"]["fingerprint"]
                if "expired" in entry["facts"]:
                    # It ended then, and not when that was noted.
                    at = entry["facts"]["expired"]
                    moment(at)
                    expired[keys[-1][1]] = at
                keys.append((at, key))
            elif entry["action"] == CHECKPOINT:
                facts = entry["facts"]
                told[facts["sequence"]] = (facts["digest"], keys[-1][1] if keys else "")
    except (KeyError, TypeError, ValueError, IndexError):
        run.tell("site", "fails", f"{SITE} is not written as events are")
        return None
    newest_at = max((row.facts["at"] for row in rows), default="")
    site = Site([row.digest for row in rows], told, keys, expired, newest_at)
    _check_certificates(run, site)
    return site


def _check_certificates(run: Checking, site: Site) -> None:
    """Compare the certificates with the keys that the site's chain tells of."""
    held = {
        path.removeprefix("certificates/").removesuffix(".der"): path
        for path in run.manifest.entries
        if path.startswith("certificates/")
    }
    for key in sorted(site.signers - held.keys()):
        run.tell("site", "fails", f"the certificate {key} is missing, though the site's chain tells of it")
    for key in sorted(held.keys() - site.signers):
        run.tell("site", "fails", f"{held[key]} is a certificate that the site's chain does not tell of")
    for key in sorted(site.expired.keys() & held.keys()):
        try:
            is_so = expiry_of(run.read(held[key])) == moment(site.expired[key])
        except NotCertificates:
            is_so = False
        if not is_so:
            said = f"by the site's chain the key {key} expired on {geneva_date(moment(site.expired[key]))}"
            run.tell("site", "fails", f"{said}, by its certificate it did not")


def check_checkpoints(run: Checking, site: Site | None, kept: Sequence[Checkpoint]) -> list[Checkpoint]:
    """Follow the checkpoints, with their signatures and the site's chain; return those in their place.

    They are compared with those that somebody else kept, which shows how new the bundle is at least.
    """
    made, trusts = _in_order(run, site)
    _check_told(run, site, made)
    known = _check_kept(run, kept, made)
    if made:
        _check_unsigned(run, trusts, known)
        signed = sum(map(bool, trusts))
        run.close("checkpoints", f"In order: {several(len(made), 'checkpoint')}, {signed} of them signed.")
    elif not run.told["checkpoints", "fails"]:
        vouched = "the signed manifest alone does"
        run.leave("checkpoints", "There is no checkpoint, so that none ties the chains to a moment", vouched)
    return made


def _in_order(run: Checking, site: Site | None) -> tuple[list[Checkpoint], list[str]]:
    """Return the checkpoints that follow each other from the first, each with how far its signature goes."""
    made: list[Checkpoint] = []
    trusts: list[str] = []
    paths = [path for path in run.manifest.entries if path.startswith("checkpoints/")]
    for path in paths:
        if not path.endswith(".json"):
            if path.removesuffix(".p7s") not in run.manifest.entries:
                run.tell("checkpoints", "fails", f"{path} is the signature of no checkpoint in this bundle")
            continue
        try:
            found = read_checkpoint(run.read(path))
            is_next = _follows(found, made[-1] if made else None)
        except (BadCheckpoint, KeyError, TypeError, ValueError):
            run.tell("checkpoints", "fails", f"{path} is no checkpoint")
            return made, trusts
        if not is_next or path != f"checkpoints/{found.sequence:05d}.json":
            run.tell("checkpoints", "fails", f"{path} does not follow the one before")
            return made, trusts
        run.check_time("checkpoints", found.facts["at"], path)
        try:
            trusts.append(_signed(run, path, found, site))
        except _Wrong as wrong:
            run.tell("checkpoints", "fails", f"{path} {wrong}")
            trusts.append("wrong")
        made.append(found)
    return made, trusts


def _check_kept(run: Checking, kept: Sequence[Checkpoint], made: Sequence[Checkpoint]) -> int:
    """Compare the checkpoints with those that were kept; return the newest of them that is here, or 0."""
    known = 0
    for entry in kept:
        if entry.sequence > len(made):
            said = (
                f"Checkpoint {entry.sequence}, which was kept, is not in it: the bundle is older or was cut."
            )
            run.tell("checkpoints", "fails", said)
        elif entry.sequence < 1 or made[entry.sequence - 1].digest != entry.digest:
            run.tell("checkpoints", "fails", f"Checkpoint {entry.sequence} is not the one that was kept.")
        else:
            said = f"Checkpoint {entry.sequence}, which was kept, is in it: the bundle is no older than that."
            run.tell("checkpoints", "holds", said)
            known = max(known, entry.sequence)
    return known


class _Wrong(Exception):
    """Something is wrong with a checkpoint; the message goes on from its name."""


def _follows(found: Checkpoint, before: Checkpoint | None) -> bool:
    """Tell whether a checkpoint goes on where the one before ended, with nothing between."""
    facts = found.facts
    moment(facts["at"])
    if before is None:
        return (found.sequence, facts["previous"]) == (1, GENESIS) and all(
            facts[part]["from"] == 1 for part in ("events", "accesses")
        )
    last = before.facts
    return (
        (found.sequence, facts["previous"]) == (before.sequence + 1, before.digest)
        and all(facts[part]["from"] == last[part]["to"] + 1 for part in ("events", "accesses"))
        and facts["site"]["sequence"] >= last["site"]["sequence"]
        and facts["chains"]["count"] >= last["chains"]["count"]
    )


def _check_told(run: Checking, site: Site | None, made: Sequence[Checkpoint]) -> None:
    """Compare the checkpoints with the site's chain, each with the other."""
    if site is None:
        return
    if site.newest_at:
        run.check_time("site", site.newest_at, "the newest event of the installation")
    for entry in made:
        place = entry.facts["site"]
        sequence = place["sequence"]
        if sequence and (sequence > len(site.digests) or site.digests[sequence - 1] != place["head"]):
            said = f"The chain of the installation is not that of checkpoint {entry.sequence}."
            run.tell("site", "fails", said)
    for sequence in sorted(site.told.keys() - {entry.sequence for entry in made}):
        run.tell(
            "checkpoints", "fails", f"checkpoint {sequence} is missing, though the site's chain tells of it"
        )
    if not made:
        if not run.told["site", "fails"]:
            run.leave("site", "The chain of the installation holds, but no checkpoint names it")
        return
    newer = len(site.digests) - made[-1].facts["site"]["sequence"]
    if newer > 1:
        # That there is a checkpoint is itself an event, which the next one covers.
        said = f"{several(newer, 'event')} of the installation are newer than checkpoint {made[-1].sequence}"
        run.leave("site", said)
    run.close("site", "The chain of the installation is the one that the checkpoints name.")


def _signed(run: Checking, path: str, made: Checkpoint, site: Site | None) -> str:
    """Return whether a checkpoint is signed, and how far that is trusted; raises ``_Wrong``."""
    digest, expected = site.told.get(made.sequence, ("", "")) if site else (made.digest, None)
    if digest != made.digest:
        raise _Wrong("is not the one that the site's chain tells of")
    if f"{path}.p7s" not in run.manifest.entries:
        if expected:
            raise _Wrong("is not signed, though a key was in force")
        return ""
    found = examine_text(made.body.encode(), run.read(f"{path}.p7s"), run.grounds)
    if found.problems or found.trust not in ("trusted", *_OPEN):
        raise _Wrong(f"has a signature that does not hold: {', '.join(found.problems) or found.trust}")
    if expected is not None and found.fingerprint != expected:
        raise _Wrong("is signed with a key that was not in force")
    return found.trust


def _check_unsigned(run: Checking, trusts: Sequence[str], known: int) -> None:
    """Name the checkpoints at the end that no trusted signature vouches for, and that nobody kept.

    What vouches for one does so for what is before it as well, since each checkpoint names the one before.
    """
    last = max((place for place, trust in enumerate(trusts, 1) if trust == "trusted"), default=0)
    last = max(last, known)
    first = next((place for place, trust in enumerate(trusts, 1) if trust), 0)
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for place, trust in enumerate(trusts[last:], last + 1):
        if trust in _OPEN:
            groups[f"signed, but whose signatures these are could not be checked: {_OPEN[trust]}"].append(
                place
            )
        elif trust == "" and 0 < first < place:
            groups["not signed, though earlier ones are; why, only the site's own chain says"].append(place)
        elif trust == "":
            groups["not signed, so nothing says who made them"].append(place)
    for said, places in groups.items():
        run.leave("checkpoints", f"Of the checkpoints, {ranged(places)}: {said}")


def check_proof(run: Checking, number: str, path: str, chain: Chain, made: Sequence[Checkpoint]) -> None:
    """Compare the end of a chain with the newest checkpoint; name what is newer than that."""
    if not made:
        if path:
            run.tell("proofs", "fails", f"{path} is the proof of a checkpoint that is missing")
        return
    newest = made[-1]
    if not path:
        is_older = moment(chain.began_at) < moment(newest.facts["at"]) - LEEWAY
        if is_older and not run.is_vouched:
            run.tell(
                "proofs", "fails", f"{number}: no proof, though it began before checkpoint {newest.sequence}"
            )
        else:
            run.leave("proofs", f"{number}: its chain is newer than checkpoint {newest.sequence}")
        return
    data = run.read(path)
    if fault := proof_fault(data, number, chain.digests, made):
        run.tell("proofs", "fails", f"{number}: {fault}")
        return
    covered, length = json.loads(data)["sequence"], len(chain.digests)
    if covered < length:
        which = f"event {length} is" if covered + 1 == length else f"events {covered + 1} to {length} are"
        run.leave("proofs", f"{number}: {which} newer than checkpoint {newest.sequence}")
    run.counted["proven"] += 1


def proof_fault(data: bytes, number: str, digests: Sequence[str], made: Sequence[Checkpoint]) -> str | None:
    """Return what is wrong with the proof that a chain stands in the tree of the newest checkpoint."""
    try:
        held = json.loads(data)
        sequence, checkpoint = held["sequence"], made[held["checkpoint"] - 1]
        if held["proposal"] != number or checkpoint.sequence != held["checkpoint"]:
            return "its proof is of something else"
        if checkpoint is not made[-1]:
            return f"its proof is of checkpoint {checkpoint.sequence}, not of the newest, {made[-1].sequence}"
        if not 1 <= sequence <= len(digests) or digests[sequence - 1] != held["head"]:
            return f"its chain is not the one that checkpoint {checkpoint.sequence} covers"
        trees, entry = checkpoint.facts["chains"], head_entry(number, sequence, held["head"])
        path = [bytes.fromhex(part) for part in held["path"]]
        if not merkle.is_included(bytes.fromhex(trees["root"]), entry, held["index"], trees["count"], path):
            return f"its chain does not stand in the tree of checkpoint {checkpoint.sequence}"
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return "its proof is not written as one is"
    return None
