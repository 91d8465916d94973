"""Owns the looks of the HTML page: a plain sheet that follows the reader's light or dark mode."""

PAGE_STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1c1e21; --paper: #ffffff; --line: #d4d7dc; --soft: #f4f5f7; --dim: #5c6370; --bad: #a8321f;
  --warn: #fdf3d8; --edge: #c98a00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e4e6ea; --paper: #16181c; --line: #363b44; --soft: #1f2329; --dim: #9aa2af; --bad: #ff8f78;
    --warn: #2e2715; --edge: #d9a441;
  }
  img { filter: brightness(.88); }
}
body {
  margin: 2rem auto; max-width: 76rem; padding: 0 1.25rem;
  font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
}
h1 { font-size: 1.6rem; }
h2 { margin: 0; font-size: 1.15rem; }
a { color: inherit; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; }
dt { font-weight: 600; }
dd { margin: 0; }
nav ul { columns: 24rem; column-gap: 2.5rem; padding-left: 1.2rem; }
nav li { break-inside: avoid; }
section, figure { margin: 2.5rem 0; }
section p, figcaption { margin: .35rem 0 .8rem; max-width: 56rem; color: var(--dim); }
.warning { border-left: 4px solid var(--edge); background: var(--warn); padding: .6rem 1rem; }
.warning p { margin: .2rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; border-block: 2px solid var(--ink); font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; text-align: right; vertical-align: top; white-space: nowrap; }
th { font-weight: 600; }
th.left, td.left { text-align: left; }
th.group { text-align: center; }
td small { display: block; line-height: 1.3; font-size: .75rem; color: var(--dim); }
thead tr:last-child th { border-bottom: 1px solid var(--ink); }
tbody tr + tr { border-top: 1px solid var(--line); }
tbody tr.again { border-top-color: transparent; }
tr.again td:first-child { color: transparent; }
tbody tr:hover { background: var(--soft); }
.failed { color: var(--bad); font-weight: 600; }
.missing, .running { color: var(--dim); font-style: italic; }
.notes { list-style: none; padding: 0; font-size: .85rem; color: var(--dim); overflow-wrap: anywhere; }
img { max-width: 100%; height: auto; box-sizing: border-box; padding: .5rem; border-radius: 4px; background: #ffffff; }
img { border: 1px solid var(--line); }
details { border-top: 1px solid var(--line); padding: .35rem 0; }
details section, details figure { margin: 1.2rem 0; }
details h2 { font-size: 1rem; }
summary { cursor: pointer; }
footer { margin: 3rem 0 1rem; border-top: 1px solid var(--line); font-size: .85rem; color: var(--dim); }
code { overflow-wrap: anywhere; }
"""
