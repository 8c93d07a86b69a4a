// Sorting of tables, reading values off charts, and opening everything for print.
'use strict';

for (const head of document.querySelectorAll('.sortable th')) {
  head.addEventListener('click', () => {
    const row = head.parentElement;
    const column = [...row.children].indexOf(head);
    const descending = head.getAttribute('aria-sort') === 'ascending';
    const body = head.closest('table').tBodies[0];
    const key = (line) => line.cells[column].textContent.trim();
    const number = (text) => parseFloat(text.replace(/,/g, '').replace('−', '-'));
    const compare = (a, b) => {
      const [x, y] = [number(key(a)), number(key(b))];
      if (Number.isNaN(x) && Number.isNaN(y)) return key(a).localeCompare(key(b), undefined, { numeric: true });
      if (Number.isNaN(x)) return 1;
      if (Number.isNaN(y)) return -1;
      return x - y;
    };
    const byText = head.classList.contains('text');
    const order = byText ? (a, b) => key(a).localeCompare(key(b), undefined, { numeric: true }) : compare;
    const lines = [...body.rows].sort(order);
    if (descending) lines.reverse();
    body.append(...lines);
    for (const other of row.children) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
  });
}

for (const chart of document.querySelectorAll('.chart')) {
  const source = chart.querySelector('script');
  if (!source) continue;
  const data = JSON.parse(source.textContent);
  const svg = chart.querySelector('svg');
  const width = svg.viewBox.baseVal.width;
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  chart.append(tip);
  const cursor = document.createElementNS('http://www.w3.org/2000/svg', 'line');
  cursor.setAttribute('class', 'cursor');
  cursor.setAttribute('y1', 0);
  cursor.setAttribute('y2', svg.viewBox.baseVal.height);
  cursor.setAttribute('visibility', 'hidden');
  svg.append(cursor);
  const columns = data.series[0].values.length;
  const label = (column) => {
    const first = Math.floor((data.frames * column) / columns);
    const last = Math.floor((data.frames * (column + 1)) / columns) - 1;
    const frames = first === last ? `frame ${first}` : `frames ${first} to ${last}, worst`;
    return data.names && data.names.length ? `${frames}  (${data.names[column]})` : frames;
  };
  // A text, or J in percent beside a letter for the state.
  const reading = (series, column) => {
    const value = series.values[column];
    if (!series.states) return value;
    const word = data.words[series.states[column]];
    return value === null ? word : `${(value / 100).toFixed(2)}  ${word}`;
  };
  const hide = () => { tip.hidden = true; cursor.setAttribute('visibility', 'hidden'); };
  const line = (className, text) => {
    const item = document.createElement('div');
    if (className) {
      const dot = document.createElement('i');
      item.className = className;
      item.append(dot);
    }
    item.append(text);
    tip.append(item);
  };
  svg.addEventListener('pointerleave', hide);
  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    const share = (x - data.left) / (data.right - data.left);
    if (share < -0.01 || share > 1.01 || !columns) { hide(); return; }
    const at = Math.min(Math.max(Math.round(share * (columns - 1)), 0), columns - 1);
    tip.replaceChildren();
    line('', label(at));
    for (const series of data.series) line(series.class, `${series.name}  ${reading(series, at)}`);
    const place = data.left + (columns > 1 ? at / (columns - 1) : 0.5) * (data.right - data.left);
    cursor.setAttribute('x1', place);
    cursor.setAttribute('x2', place);
    cursor.setAttribute('visibility', 'visible');
    tip.hidden = false;
    const pixels = (place / width) * box.width;
    const left = pixels + 14 + tip.offsetWidth > box.width ? pixels - 14 - tip.offsetWidth : pixels + 14;
    tip.style.left = `${Math.max(left, 0)}px`;
    tip.style.top = `${Math.max(event.clientY - box.top - tip.offsetHeight - 12, 0)}px`;
  });
}

// A link to a video that is folded away opens it.
const unfold = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) target.open = true;
};
addEventListener('hashchange', unfold);
unfold();

addEventListener('beforeprint', () => {
  for (const details of document.querySelectorAll('details')) details.open = true;
});
