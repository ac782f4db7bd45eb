"""Sentences with names that say what each event of a proposal was (domain rules, section 7).

What an event says is in its facts; a reader who is not given them, or some of them, is told less.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Final

from appraisal.appraisals.rules import condition_sentences
from appraisal.clock import geneva_date, parse_stamp
from appraisal.definitions.sets import ChecklistSet
from appraisal.language.texts import N_, Language, places, say, write_day
from appraisal.proposals.rules.disclosure import Happened

# By the act of a step or the name of another event; the first sentence of which all places are known is told.
SENTENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "create": (N_("%(who)s began the proposal."),),
    "add_author": (N_("%(who)s made %(author)s an author."), N_("%(who)s added an author.")),
    "submit": (N_("%(who)s submitted version %(version)s."), N_("%(who)s submitted the proposal.")),
    "return_incomplete": (
        N_("%(who)s returned the proposal as incomplete. What is missing: %(missing)s"),
        N_("%(who)s returned the proposal as incomplete."),
    ),
    "assign": (N_("%(who)s named %(lead)s lead appraiser."), N_("%(who)s named a lead appraiser.")),
    "reassign": (
        N_("%(who)s made %(lead)s lead appraiser instead of %(before)s."),
        N_("%(who)s changed the lead appraiser."),
    ),
    "lead_for": (
        N_("%(person)s began to work on the appraisal in the place of %(replaced)s."),
        N_("%(who)s began to work on the appraisal in the place of its lead."),
    ),
    "take_up": (N_("%(who)s took up the review of %(checklists)s, due by %(due_on)s."),),
    "ask_review": (
        N_("%(who)s asked %(person)s to review %(checklists)s by %(due_on)s."),
        N_("%(who)s gave %(reviewer)s until %(due_on)s to review."),
        N_("%(who)s asked for a review."),
    ),
    "withdraw_review": (
        N_("%(who)s took back that %(reviewer)s was asked to review."),
        N_("%(who)s took back that somebody was asked to review."),
    ),
    "declare_review": (
        N_("%(who)s declared a conflict of interest and does not review."),
        N_("%(who)s declared that there is no conflict of interest."),
        N_("%(who)s declared whether there is a conflict of interest."),
    ),
    "decline_review": (N_("%(who)s declined to review."),),
    "sign_review": (
        N_("%(who)s signed a review of %(rated)s items: %(comment)s"),
        N_("%(who)s signed a review of %(rated)s items."),
        N_("%(who)s signed a review: %(comment)s"),
        N_("%(who)s signed a review."),
    ),
    "answer_consultation": (
        N_("%(who)s wrote down what %(unit)s answered."),
        N_("%(who)s wrote down the answer of a unit."),
    ),
    "note_silence": (
        N_("The date for answers passed; not heard from: %(silent)s."),
        N_("The date for answers passed: not everybody had answered."),
    ),
    "finalise": (
        N_("%(who)s finalised the appraisal. Recommendation: %(final)s"),
        N_("%(who)s finalised the appraisal."),
    ),
    "request_revision": (
        N_("%(who)s finalised the appraisal and asked for changes, in number: %(changes)s"),
        N_("%(who)s finalised the appraisal and asked for changes."),
    ),
    "recall": (N_("%(who)s recalled the appraisal, which runs again."),),
    "approve": (N_("%(who)s approved the proposal."),),
    "propose_override": (N_("%(who)s gave the first signature to approve against the recommendation."),),
    "countersign": (N_("%(who)s approved against the recommendation, with the second signature."),),
    "return": (
        N_("%(who)s returned the proposal for revision, with changes asked for, in number: %(changes)s"),
        N_("%(who)s returned the proposal for revision."),
    ),
    "reject": (N_("%(who)s rejected the proposal."),),
    "continue_rounds": (N_("%(who)s allowed a further round."),),
    "escalate": (N_("%(who)s asked for a decision on the version as it was appraised."),),
    "withdraw": (N_("%(who)s withdrew the proposal."),),
    "lapse": (N_("The proposal lapsed: nothing was heard for too long."),),
    "reopen": (N_("%(who)s reopened the proposal."),),
    "register_approval": (
        N_("%(who)s registered an approval that was given elsewhere on %(approved_on)s."),
        N_("%(who)s registered an approval that was given elsewhere; its day is not known."),
    ),
    "correct_registration": (N_("%(who)s corrected the registration of an approval: it was a mistake."),),
    "propose_correction": (
        N_("%(who)s gave the first signature to correct the registration of an approval."),
    ),
    "confirm_correction": (
        N_("%(who)s corrected the registration of an approval, with the second signature."),
    ),
    "propose_annulment": (N_("%(who)s gave the first signature to annul the approval."),),
    "annul": (N_("%(who)s annulled the approval, with the second signature."),),
    "withdraw_signature": (N_("%(who)s withdrew the first signature."),),
    "decline_signature": (
        N_("%(who)s declined to give the second signature; the first, by %(signatory)s, is void."),
        N_("%(who)s declined to give the second signature."),
    ),
    "lapse_signature": (
        N_("Nobody gave the second signature in time; the first, by %(signatory)s, is void."),
        N_("Nobody gave the second signature in time; the first is void."),
    ),
    "send_to_donor": (N_("%(who)s sent the proposal to the donor."),),
    "fund": (
        N_("%(who)s recorded the agreement of %(agreed_on)s: %(reference)s"),
        N_("%(who)s recorded the agreement with the donor."),
    ),
    "decline_funding": (N_("%(who)s recorded that no donor took the proposal up."),),
    "start": (N_("%(who)s recorded that the project has started."),),
    "hold": (
        N_("%(who)s put the proposal on hold until %(until)s."),
        N_("%(who)s put the proposal on hold."),
    ),
    "release": (N_("%(who)s released the proposal from its hold."),),
    "end_hold": (N_("The hold ended with its last day."),),
    "write_conditions": (N_("%(who)s wrote or changed conditions."),),
    "report_condition": (N_("%(who)s reported a condition as met."),),
    "clear_condition": (N_("%(who)s cleared a condition."),),
    "waive_condition": (N_("%(who)s waived a condition."),),
    "name_owner": (N_("%(who)s gave a condition another owner."),),
    "raise_threshold": (
        N_(
            "A later country project took the sum of %(umbrella)s over a threshold; asked because of it: %(asked)s."
        ),
        N_("A later country project took the sum of %(umbrella)s over a threshold."),
        N_("A later country project of its umbrella programme took the sum over a threshold."),
    ),
}
# What follows from a step beside what it is about.
_BESIDE: Final = (
    N_("Asked for comments: %(asked)s."),
    N_("By their date there was no answer of: %(silent)s."),
    N_("No longer awaited: %(released)s."),
    N_("The first signature, by %(signatory)s, is void."),
)
_OF_CONDITIONS: Final = frozenset(
    {"write_conditions", "report_condition", "clear_condition", "waive_condition", "name_owner"}
)
_OF_SIGNATURES: Final = frozenset({"withdraw_signature", "decline_signature", "lapse_signature"})


def tell(
    happened: Iterable[Happened], chosen: ChecklistSet, names: Mapping[int, str], language: Language
) -> Iterator[list[str]]:
    """Yield of each event of a history, oldest first, what it says: itself, then what follows from it.

    ``names`` are those of people by their numbers; nothing is said of whoever is not among them.
    """
    # Who was asked for a review: later events name it by its number.
    reviewers: dict[int, str] = {}
    for event in happened:
        facts = event.facts
        if "person" in facts and "review" in facts and facts["person"] in names:
            reviewers[facts["review"]] = names[facts["person"]]
        words = _words(event, chosen, names, reviewers, language)
        found = [_first(_sentences_of(event), event.name, words, language)]
        used = event.act or event.name
        for sentence in _BESIDE:
            is_told = "%(signatory)s" in sentence and used in _OF_SIGNATURES
            is_told |= any(places(sentence) <= places(own) for own in SENTENCES.get(used, ()))
            if places(sentence) <= words.keys() and not is_told:
                found.append(say(language, sentence, **words))
        conditions = condition_sentences.sentences(event.name, facts, words["who"], language)
        # What an event is about that is one of conditions alone, its own sentences say better.
        yield conditions if conditions and event.name in _OF_CONDITIONS else [*found, *conditions]


def people_in(event: Happened) -> set[int]:
    """Return the numbers of all whom an event names: who did it, in whose place, and whom its facts name."""
    signature = event.facts.get("signature") or {}
    named = [event.facts.get(key) for key in ("author", "lead", "before", "person", "for")]
    named += [event.by, signature.get("by"), signature.get("for")]
    return {person for person in named if isinstance(person, int) and person}


def _sentences_of(event: Happened) -> tuple[str, ...]:
    told = SENTENCES.get(event.act or event.name, ())
    if event.act == "release" and not event.by:
        return SENTENCES["end_hold"]
    if event.name == "ask_review" and event.facts.get("person") == event.by:
        return SENTENCES["take_up"] + told
    if event.name == "declare_review" and "declaration" in event.facts:
        return told[0:1] if event.facts["declaration"] == "declared" else told[1:2]
    if event.name == "declare_review":
        return told[2:]
    return told


def _first(sentences: Iterable[str], name: str, words: Mapping[str, str], language: Language) -> str:
    for sentence in sentences:
        if places(sentence) <= words.keys():
            return say(language, sentence, **words)
    # An earlier version of the product may have had other events.
    return name


def _words(
    event: Happened,
    chosen: ChecklistSet,
    names: Mapping[int, str],
    reviewers: Mapping[int, str],
    language: Language,
) -> dict[str, str]:
    """Return what the places of sentences stand for, of those alone of which the event says something."""
    facts = event.facts
    who = event.by_name
    if event.for_name:
        who = say(language, N_("%(name)s, for %(other)s"), name=who, other=event.for_name)
    people = {
        "author": facts.get("author"),
        "lead": facts.get("lead"),
        "before": facts.get("before"),
        "person": facts.get("person"),
        "replaced": facts.get("for"),
        "signatory": (facts.get("signature") or {}).get("by"),
    }
    words = {
        name: names[person] for name, person in people.items() if isinstance(person, int) and person in names
    }
    words["who"] = who
    for name in ("version", "missing", "reference", "umbrella", "unit", "comment"):
        if facts.get(name):
            words[name] = str(facts[name])
    if not str(facts.get("version", "")).isdigit():
        words.pop("version", None)
    for name in ("until", "due_on", "agreed_on"):
        if facts.get(name):
            words[name] = write_day(language, date.fromisoformat(facts[name]))
    if (approved_at := (facts.get("approval") or {}).get("approved_at")) is not None:
        words["approved_on"] = write_day(language, geneva_date(parse_stamp(approved_at)))
    for name in ("checklists", "asked"):
        if facts.get(name):
            words[name] = ", ".join(facts[name])
    if facts.get("changes"):
        words["changes"] = str(len(facts["changes"]))
    if facts.get("ratings"):
        words["rated"] = str(len(facts["ratings"]))
    if facts.get("review") in reviewers:
        words["reviewer"] = reviewers[facts["review"]]
    if facts.get("final") in (titles := {entry.code: entry.title for entry in chosen.recommendations}):
        words["final"] = titles[facts["final"]][language]
    unanswered = facts.get("unanswered") or ({"silent": facts} if event.name == "note_silence" else {})
    for name, those in unanswered.items():
        told = [
            *those.get("units", ()),
            *(reviewers[id] for id in those.get("reviews", ()) if id in reviewers),
        ]
        if told:
            words[name] = ", ".join(told)
    return words
