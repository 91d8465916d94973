"""Owns index.md: the page of a report as GitHub shows it, with what is folded away behind a click."""

from __future__ import annotations

from grid.report.page import FOLDED, Figure, Fold, Page, Part
from grid.report.writers.markdown import escape_markdown, to_markdown


def to_markdown_page(page: Page) -> str:
    """The whole page; pictures are links to the files beside it."""
    blocks = [f"# {escape_markdown(page.title)}\n"]
    blocks += [f"> **Note:** {escape_markdown(warning)}\n" for warning in page.warnings]
    blocks.append(f"{escape_markdown(page.summary)}\n")
    if page.terms:
        blocks.append("".join(f"- **{escape_markdown(k)}**: {escape_markdown(v)}\n" for k, v in page.terms))
    blocks += [_part(part, "") for part in page.shown]
    blocks += [_fold(fold) for fold in page.folds]
    blocks.append(to_markdown(page.last))
    facts = [f"{escape_markdown(word)}: `{value}`" for word, value in page.facts]
    blocks.append("---\n\n" + " | ".join(facts) + "\n")
    return "\n".join(blocks)


def _part(part: Part, folder: str) -> str:
    if isinstance(part, Figure):
        title = escape_markdown(part.title)
        return f"![{title}]({folder}{part.file})\n\n**{title}.** {escape_markdown(part.caption)}\n"
    return to_markdown(part)


def _fold(fold: Fold) -> str:
    parts = "\n".join(_part(part, f"{FOLDED}/") for part in fold.parts)
    return f"<details><summary>{escape_markdown(fold.title)}</summary>\n\n{parts}\n</details>\n"
