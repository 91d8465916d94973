"""Owns the looks of the HTML page: a plain sheet that follows the reader's light or dark mode."""

PAGE_STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1c1e21; --paper: #ffffff; --line: #d4d7dc; --soft: #f4f5f7; --dim: #5c6370; --bad: #a8321f;
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e6ea; --paper: #16181c; --line: #363b44; --soft: #1f2329; --dim: #9aa2af; --bad: #ff8f78; }
}
body {
  margin: 2rem auto; max-width: 76rem; padding: 0 1.25rem;
  font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
}
h1 { font-size: 1.6rem; }
h2 { margin: 0; font-size: 1.15rem; }
a { color: inherit; }
nav ul { columns: 22rem; padding-left: 1.2rem; }
section, figure { margin: 2.5rem 0; }
section p, figcaption { margin: .35rem 0 .8rem; max-width: 56rem; color: var(--dim); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; border-block: 2px solid var(--ink); font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; text-align: right; white-space: nowrap; }
th { font-weight: 600; }
th.left, td.left { text-align: left; }
th.group { text-align: center; }
thead tr:last-child th { border-bottom: 1px solid var(--ink); }
tbody tr:nth-child(even) { background: var(--soft); }
.failed { color: var(--bad); font-weight: 600; }
.missing, .running { color: var(--dim); font-style: italic; }
.notes { list-style: none; padding: 0; font-size: .85rem; color: var(--dim); overflow-wrap: anywhere; }
img { max-width: 100%; padding: .5rem; border: 1px solid var(--line); border-radius: 4px; background: #ffffff; }
"""
