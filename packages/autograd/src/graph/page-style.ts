// The style and the script of the page of a graph.

/** How the page of a graph looks, in the light and in the dark. */
export const PAGE_STYLE = `
:root { color-scheme: light dark;
  --ink: light-dark(#1d2433, #dfe5f0); --faint: light-dark(#687187, #8d97ab);
  --paper: light-dark(#f6f7fa, #12161f); --card: light-dark(#ffffff, #1a202c);
  --line: light-dark(#d9deea, #2d3646); --link: light-dark(#2456c4, #86aef8);
  --forth: light-dark(#0b6b50, #6fd3b0); --back: light-dark(#a23b13, #f5a276);
  --lit: light-dark(#fff2c2, #4a3f17); }
* { box-sizing: border-box; }
body { margin: 0; padding: 1.5rem clamp(0.75rem, 3vw, 3rem); background: var(--paper); color: var(--ink);
  font: 14px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.4rem; }
header p { margin: 0.3rem 0; color: var(--faint); }
button { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; padding: 0.15rem 0.7rem; cursor: pointer; }
details { margin: 0.45rem 0; padding: 0.1rem 0.6rem; background: var(--card); border: 1px solid var(--line);
  border-left: 3px solid var(--link); border-radius: 8px; }
details.leaves { border-left-color: var(--faint); }
summary { cursor: pointer; padding: 0.3rem 0; }
.name { font-weight: 650; }
.note { color: var(--faint); margin-left: 0.5rem; }
.flow { display: block; padding-left: 1.1rem; font: 12.5px/1.5 ui-monospace, monospace; color: var(--faint); }
.op { display: grid; grid-template-columns: minmax(15rem, 2fr) minmax(14rem, 2fr) minmax(12rem, 3fr);
  column-gap: 1rem; align-items: baseline; padding: 0.22rem 0.5rem; border-top: 1px solid var(--line); }
main > .op { background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin: 0.3rem 0; }
.result, .what, .math { overflow-wrap: anywhere; }
.result { grid-column: 1; grid-row: 1 / span 2; }
.what { grid-column: 2; }
.op > .note { grid-column: 2; grid-row: 2; margin: 0; font-size: 12px; overflow-wrap: anywhere; }
.math { grid-column: 3; color: var(--forth); font-family: "Cambria Math", "STIX Two Math", serif; font-size: 15px; }
.back { grid-row: 2; color: var(--back); }
.back:not(:empty)::before { content: "⇒ "; }
b, .what, .spec, .values { font-family: ui-monospace, monospace; font-size: 13px; }
.spec { color: var(--faint); }
.values { display: block; color: var(--faint); font-size: 12px; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
.lit, :target { background: var(--lit); border-radius: 4px; }
@media (max-width: 60rem) { .op { grid-template-columns: 1fr; }
  .result, .what, .math, .op > .note { grid-column: 1; grid-row: auto; } }
`;

/** What the page of a graph does: folding at once, and light on what a line reads and on who reads it. */
export const PAGE_SCRIPT = `
const all = (selector) => [...document.querySelectorAll(selector)];
for (const [id, isOpen] of [['open', true], ['fold', false]])
  document.getElementById(id).onclick = () => { for (const each of all('details')) each.open = isOpen; };
const show = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let at = target; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true;
  if (target) target.scrollIntoView({ block: 'center' });
};
addEventListener('hashchange', show);
show();
const ops = all('.op');
const makes = (op) => [...op.querySelectorAll('b')].map((each) => each.id);
const reads = (op) => (op.dataset.reads ?? '').split(' ');
for (const op of ops) {
  op.onmouseenter = () => {
    const [made, read] = [makes(op), reads(op)];
    for (const other of ops)
      if (makes(other).some((name) => read.includes(name)) || reads(other).some((name) => made.includes(name)))
        other.classList.add('lit');
  };
  op.onmouseleave = () => { for (const other of ops) other.classList.remove('lit'); };
}
`;
