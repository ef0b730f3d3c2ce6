'use strict';
(() => {
  const number = (text) => (/^[\d,.]+$/.test(text) ? Number(text.replace(/,/g, '')) : NaN);
  const sort = (table, column, head) => {
    const ascending = head.getAttribute('aria-sort') !== 'ascending';
    table.querySelectorAll('thead th').forEach((other) => other.removeAttribute('aria-sort'));
    head.setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [row.cells[column].textContent.trim(), row]);
    rows.sort(([a], [b]) => {
      const [x, y] = [number(a), number(b)];
      const order = Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
      return ascending ? order : -order;
    });
    body.append(...rows.map(([, row]) => row));
  };
  document.querySelectorAll('table.sortable').forEach((table) => {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      if (head.classList.contains('plain')) return;
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...head.childNodes);
      button.addEventListener('click', () => sort(table, column, head));
      head.append(button);
    });
  });
  const words = document.documentElement.lang === 'ja'
    ? { search: '名前、アカウント、サービス、アクションで検索', found: (n) => `${n} 件` }
    : { search: 'Search by name, account, service or action', found: (n) => `${n} found` };
  const table = document.querySelector('table.searched');
  if (table) {
    const tools = document.createElement('div');
    const input = document.createElement('input');
    const found = document.createElement('output');
    tools.className = 'tools';
    input.type = 'search';
    input.placeholder = words.search;
    input.setAttribute('aria-label', words.search);
    tools.append(input, found);
    document.querySelector('main').prepend(tools);
    const rows = [...document.querySelectorAll('table.filtered tbody tr')].map((row) => {
      const link = row.querySelector('th a');
      const section = link && document.getElementById(link.hash.slice(1));
      const counts = table.contains(row);
      return { row, section, counts, text: (row.textContent + (section ? section.textContent : '')).toLowerCase() };
    });
    input.addEventListener('input', () => {
      const wanted = input.value.trim().toLowerCase();
      let count = 0;
      const shown = new Set();
      rows.forEach(({ row, section, counts, text }) => {
        row.hidden = wanted !== '' && !text.includes(wanted);
        if (!row.hidden && section) shown.add(section);
        if (!row.hidden && counts) count += 1;
        const folded = wanted !== '' && !row.hidden && row.closest('details');
        if (folded) folded.open = true;
      });
      rows.forEach(({ section }) => {
        // A persona is within its permission set.
        if (section) section.hidden = !shown.has(section) && ![...section.querySelectorAll('section')].some((one) => shown.has(one));
      });
      found.textContent = wanted === '' ? '' : words.found(count);
    });
  }
  // Each event has one place where links to it lead: the first.
  const linked = new Set();
  document.querySelectorAll('.e').forEach((cell) => {
    if (cell.textContent.trim() === '') return;
    const id = `e-${cell.textContent.trim().replace(/[^A-Za-z0-9-]/g, '').slice(0, 64)}`;
    const link = document.createElement('a');
    link.href = `#${id}`;
    if (!linked.has(id)) link.id = id;
    linked.add(id);
    link.append(...cell.childNodes);
    cell.append(link);
  });
  const open = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let at = target; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener('hashchange', open);
  open();
  addEventListener('beforeprint', () => document.querySelectorAll('details').forEach((one) => { one.open = true; }));
})();
