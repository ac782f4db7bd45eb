"""A workflow is drawn here from its definition alone, as text that other programs turn into a picture.

Written here rather than by a library: the drawing of ``transitions`` needs a machine that keeps a
graph for each model, and falls back to another language than the one asked for without a word.
"""

import json
from collections.abc import Iterator

from appraisal.definitions.workflows import State, Transition, Workflow
from appraisal.language.texts import Language


def dot(workflow: Workflow, language: Language = "en") -> str:
    """Return a workflow in the language of Graphviz.

    An SVG made of it has the id ``state-KEY`` on states and the class ``step-NAME`` on steps.
    """
    lines = [
        f"digraph {json.dumps(workflow.key)} {{",
        '  rankdir="TB"; node [shape="box", style="rounded"]; edge [fontsize="10"];',
    ]
    for key, state in workflow.states.items():
        looks = {"id": f"state-{key}", "label": state.title[language], **_looks(state)}
        lines.append(f"  {json.dumps(key)} [{_attributes(looks)}];")
    for transition, source, target in edges(workflow):
        looks = {"class": f"step-{transition.name}", "label": transition.label[language]}
        if transition.is_automatic:
            looks["style"] = "dashed"
        lines.append(f"  {json.dumps(source)} -> {json.dumps(target)} [{_attributes(looks)}];")
    return "\n".join([*lines, "}", ""])


def _looks(state: State) -> dict[str, str]:
    return {"peripheries": "2"} if state.terminal else {}


def _attributes(given: dict[str, str]) -> str:
    # JSON strings are DOT strings, but for escapes of letters, which are left as they are.
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in given.items())


def mermaid(workflow: Workflow, language: Language = "en") -> str:
    """Return a workflow in the language of Mermaid, as a state diagram."""
    lines = ["stateDiagram-v2"]
    for key, state in workflow.states.items():
        lines.append(f"  {key} : {_plain(state.title[language])}")
    lines.append(f"  [*] --> {workflow.initial}")
    for transition, source, target in edges(workflow):
        lines.append(f"  {source} --> {target} : {_plain(transition.label[language])}")
    for key, state in workflow.states.items():
        if state.terminal:
            lines.append(f"  {key} --> [*]")
    return "\n".join([*lines, ""])


def _plain(text: str) -> str:
    # Mermaid ends a statement at a semicolon and reads # as the start of an entity.
    return text.translate({ord("#"): "#35;", ord(";"): "#59;"})


def edges(workflow: Workflow) -> Iterator[tuple[Transition, str, str]]:
    """Yield each transition once for every state it leaves from, with where it leads.

    One that goes back leads to every state it may have come from; one that moves nothing leads
    to where it began.
    """
    for transition in workflow.transitions:
        for source in transition.from_:
            for target in workflow.targets(transition, source):
                yield transition, source, target
