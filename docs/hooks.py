"""Pages that follow from the code, so that they never say anything else.

A line ``{{ name }}`` in a page is replaced by what the function of that name returns, and
``--8<-- "FILE"`` by a page from elsewhere in the project. Model cards become pages of their own.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from heart_reader.weights.cards import body, find_card
from heart_reader.weights.find import local_reader
from heart_reader.weights.index import ShippedReader, shipped_readers

ROOT = Path(__file__).resolve().parent.parent
INCLUDED = re.compile(r'^--8<-- "(?P<path>[^"]+)"\s*$', re.MULTILINE)
PART = re.compile(r"^\{\{ (\w+) \}\}$", re.MULTILINE)
LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?!https?:|#|mailto:)(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):<code>(?P<path>[^<]+)</code>")
NAMES = ("measurements", "edge_stats", "explanations", "explanations_leads", "mitbih_windows", "scale", "side_by_side")
FIGURES = tuple(f"results/{name}.png" for name in NAMES)


def commands() -> str:
    """Return the help of every command."""
    from heart_reader.commands import build_parser

    os.environ["COLUMNS"] = "100"
    return "\n".join(
        f"## {parser.prog.removeprefix('heart-reader ')}\n\n```text\n{parser.format_help().rstrip()}\n```\n"
        for parser in _leaves(build_parser())
    )


def _leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parsers that have no commands below them, each once."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield parser
    for action in below:
        for one in dict.fromkeys(action.choices.values()):
            yield from _leaves(one)


def formats() -> str:
    """Return a table of the formats that are read, and of what each states."""
    from heart_reader.data.formats import FORMATS

    rows = []
    for entry in sorted(FORMATS.values(), key=lambda entry: entry.title):
        suffixes = " ".join(f"`{suffix}`" for suffix in (*entry.suffixes, *entry.companions))
        rows.append(f"| {entry.title} | {suffixes} | {entry.states} | {'`formats`' if entry.package else ''} |")
    return "\n".join(["| format | files | what a file states | extra |", "|---|---|---|---|", *rows])


def written_formats() -> str:
    """Return a table of the formats that are written."""
    from heart_reader.data.writers import WRITERS

    rows = [
        f"| {entry.title} | `{name}` | `{entry.suffix}` | {'`formats`' if entry.package else ''} |"
        for name, entry in sorted(WRITERS.items(), key=lambda item: item[1].title)
    ]
    return "\n".join(["| format | `--to` | files | extra |", "|---|---|---|---|", *rows])


def settings() -> str:
    """Return a table per section of a configuration: key, default, allowed values, and meaning."""
    lines = (ROOT / "heart_reader/config.py").read_text(encoding="utf-8").splitlines()
    classes = {node.name: node for node in ast.parse("\n".join(lines)).body if isinstance(node, ast.ClassDef)}
    return "\n\n".join(_section("", classes["ExperimentConfig"], classes, lines))


def _section(name: str, node: ast.ClassDef, classes: dict[str, ast.ClassDef], lines: list[str]) -> Iterator[str]:
    """Yield the tables of a section and of those below it."""
    rows, below = [], []
    for field in node.body:
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        key, kind = f"{name}.{field.target.id}".lstrip("."), ast.unparse(field.annotation)
        inner = next((one for one in classes if one in kind), None)
        if inner is not None:
            below.append((key, classes[inner]))
        if inner != kind:
            default = _default(key) if field.value is not None else ""
            comment = lines[(field.end_lineno or 1) - 1].partition("  # ")[2]
            cells = (key, default, kind)
            rows.append("| " + " | ".join(f"`{cell}`".replace("|", "\\|") if cell else "" for cell in cells) + f" | {comment} |")
    if name:
        yield f"### {name}\n\n{(ast.get_docstring(node) or '').split(chr(10) * 2)[0]}"
    if rows:
        yield "\n".join(["| key | default | type | meaning |", "|---|---|---|---|", *rows])
    for key, one in below:
        yield from _section(key, one, classes, lines)


def _default(key: str) -> str:
    """Return the default of a key as a YAML file would state it."""
    from heart_reader.config import ExperimentConfig

    value = ExperimentConfig().model_dump(mode="json")
    for part in key.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return "" if value == "" else json.dumps(value).strip('"')


def models() -> str:
    """Return a table of the networks that can be trained, with the first line of each docstring."""
    from heart_reader.models.registry import MODELS

    rows = [
        f"| `{name}` | {(build.__doc__ or '').partition(chr(10))[0].removeprefix('Build ').rstrip('.')} |" for name, build in MODELS.items()
    ]
    return "\n".join(["| model | what |", "|---|---|", *rows])


def sources() -> str:
    """Return a table of the public data sets that can be downloaded."""
    from heart_reader.data.sources import DATASETS

    rows = [
        f"| `{name}` | {entry.title} | {entry.licence} | {', '.join(f'{number:,} `{files}`' for files, number in entry.counts.items())} |"
        for name, entry in sorted(DATASETS.items())
    ]
    return "\n".join(["| name | data set | licence | files |", "|---|---|---|---|", *rows])


def tasks() -> str:
    """Return a table of the questions that a classifier can be trained on."""
    from heart_reader.data.tasks import TASKS

    return "\n".join(["| level | question |", "|---|---|", *(f"| `{name}` | {task.title} |" for name, task in TASKS.items())])


def metrics() -> str:
    """Return a table of the metrics that reports state."""
    from heart_reader.metrics import METRICS

    rows = [f"| `{name}` | {entry.title} | {'yes' if entry.needs_thresholds else 'no'} |" for name, entry in METRICS.items()]
    return "\n".join(["| name | metric | needs thresholds |", "|---|---|---|", *rows])


def zoo() -> str:
    """Return the table of shipped readers."""
    rows = [
        f"| [`{reader.name}`]({reader.name}.md) | {reader.title} | {_weights(reader) / 1e3:,.0f} KB | {reader.parameters:,} "
        f"| {_auroc(reader, 'val')} | {_auroc(reader, 'test')} | {reader.figures.get('network_ms', '')} | {reader.licence} |"
        for reader in shipped_readers().values()
    ]
    titles = ("reader", "what", "weights", "parameters", "validation macro-AUROC", "test macro-AUROC", "ms", "licence")
    return "\n".join([f"| {' | '.join(titles)} |", "|---" * len(titles) + "|", *rows])


def _weights(reader: ShippedReader) -> int:
    """Return the size of the weights, without the manifest, in bytes."""
    return max(int(file["bytes"]) for file in reader.files.values())


def _auroc(reader: ShippedReader, split: str) -> str:
    """Return the macro-AUROC of a split with its interval, as far as the index has them."""
    name = f"{split}_macro_auroc"
    if name not in reader.figures:
        return ""
    low, high = (reader.figures.get(f"{name}_{end}") for end in ("low", "high"))
    return f"{reader.figures[name]:.4f}" + ("" if low is None or high is None else f" [{low:.3f}, {high:.3f}]")


PARTS: dict[str, Callable[[], str]] = {
    part.__name__: part for part in (commands, formats, written_formats, settings, models, sources, tasks, metrics, zoo)
}


def on_config(config: MkDocsConfig) -> None:
    """List the cards below the zoo, and the decisions as their index does."""
    sections = {title: pages for entry in config.nav or () for title, pages in entry.items()}
    sections["Readers"] += [{name: f"zoo/{name}.md"} for name in _cards()]
    index = (ROOT / "docs/decisions/index.md").read_text(encoding="utf-8")
    decisions = [{match["text"]: f"decisions/{match['path']}"} for match in LINK.finditer(index)]
    sections["Decisions"] += ["decisions/index.md", *decisions]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the model cards, and the figures of included pages."""
    for name, card in _cards().items():
        files.append(File.generated(config, f"zoo/{name}.md", content=f'--8<-- "{card.relative_to(ROOT)}"\n'))
    for figure in FIGURES:
        files.append(File.generated(config, f"benchmarks/{Path(figure).name}", abs_src_path=str(ROOT / figure)))


def on_page_markdown(markdown: str, page: Page, files: Files, **_: object) -> str:
    """Fill in what follows from the code, and include pages of the project."""
    places = _places(files)
    markdown = INCLUDED.sub(lambda match: _included(match["path"], page.file.src_uri, places), markdown)
    return PART.sub(lambda match: PARTS[match[1]](), markdown)


def on_page_content(html: str, **_: object) -> str:
    """Show roles of docstrings, such as ``:class:`~heart_reader.errors.DataError```, as names."""
    return ROLE.sub(lambda match: f"<code>{match['path'].removeprefix('~' + match['path'][1:].rpartition('.')[0] + '.')}</code>", html)


def _cards() -> dict[str, Path]:
    """Return the card of every reader that has one."""
    found = {name: place for name, reader in shipped_readers().items() if (place := local_reader(reader)) is not None}
    return {name: card for name, place in found.items() if (card := find_card(place)) is not None and card.is_relative_to(ROOT)}


def _places(files: Files) -> dict[str, str]:
    """Return where on the site each file of the project stands, by its path in the project."""
    places = {f"docs/{file.src_uri}": file.src_uri for file in files}
    for file in files.documentation_pages():
        places |= {match["path"]: file.src_uri for match in INCLUDED.finditer(file.content_string)}
    return places | {figure: f"benchmarks/{Path(figure).name}" for figure in FIGURES}


def _included(name: str, page: str, places: dict[str, str]) -> str:
    """Return a page from elsewhere; a link to what the site does not hold becomes its text."""

    def link(match: re.Match[str]) -> str:
        target = os.path.normpath(PurePosixPath(name).parent / match["path"])
        if target not in places:
            return match["text"]
        address = os.path.relpath(places[target], PurePosixPath(page).parent)
        return f"{match['picture']}[{match['text']}]({address}{match['anchor'] or ''})"

    return LINK.sub(link, body((ROOT / name).read_text(encoding="utf-8")))
