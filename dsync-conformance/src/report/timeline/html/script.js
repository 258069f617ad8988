'use strict';
const tip = document.getElementById('tip');
for (const tools of document.querySelectorAll('.tools')) {
  const fig = tools.nextElementSibling, scroll = fig.querySelector('.scroll');
  const svg = scroll.querySelector('svg'), cursor = svg.querySelector('.cursor');
  const from = +fig.dataset.from, to = +fig.dataset.to, now = tools.querySelector('.now');
  let zoom = 1, shown = -1;
  tools.hidden = false;
  // The title of a mark is shown by the tip, at once; its name stays.
  for (const title of svg.querySelectorAll('rect>title, use>title, line>title')) {
    const mark = title.parentNode;
    mark.dataset.tip = title.textContent;
    mark.setAttribute('aria-label', title.textContent);
    title.remove();
  }
  const set = (wanted, share, offset) => {
    zoom = Math.min(64, Math.max(1, wanted));
    svg.style.width = zoom === 1 ? '' : zoom * 100 + '%';
    svg.setAttribute('class', 'time z' + zoom);
    scroll.scrollLeft = share * svg.getBoundingClientRect().width - offset;
  };
  const first = svg.querySelector('.flag');
  // On a narrow screen a figure is wider than its place: what it is about comes into sight.
  if (first && scroll.scrollWidth > scroll.clientWidth) {
    const x = parseFloat(first.getAttribute('x')) / 100 * scroll.scrollWidth;
    if (x > scroll.clientWidth * 0.7) scroll.scrollLeft = x - scroll.clientWidth * 0.3;
  }
  const about = x => {
    const box = svg.getBoundingClientRect();
    return (x - box.left) / box.width;
  };
  tools.addEventListener('click', event => {
    const how = event.target.dataset.zoom, box = scroll.getBoundingClientRect();
    const middle = box.left + box.width / 2;
    if (how === 'in') set(zoom * 2, about(middle), box.width / 2);
    if (how === 'out') set(zoom / 2, about(middle), box.width / 2);
    if (how === 'fit') set(1, 0, 0);
    if (how === 'next') {
      const all = svg.querySelectorAll('.flag');
      shown = (shown + 1) % all.length;
      set(Math.max(zoom, 8), parseFloat(all[shown].getAttribute('x')) / 100, box.width / 3);
    }
  });
  scroll.addEventListener('wheel', event => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const offset = event.clientX - scroll.getBoundingClientRect().left;
    set(event.deltaY < 0 ? zoom * 2 : zoom / 2, about(event.clientX), offset);
  }, { passive: false });
  scroll.addEventListener('keydown', event => {
    const box = scroll.getBoundingClientRect(), middle = about(box.left + box.width / 2);
    if (event.key === '+' || event.key === '=') set(zoom * 2, middle, box.width / 2);
    else if (event.key === '-') set(zoom / 2, middle, box.width / 2);
    else if (event.key === '0') set(1, 0, 0);
  });
  let grabbed = null;
  scroll.addEventListener('pointerdown', event => {
    if (event.pointerType === 'mouse' && event.button === 0) {
      grabbed = { x: event.clientX, left: scroll.scrollLeft };
    }
  });
  addEventListener('pointerup', () => { grabbed = null; });
  svg.addEventListener('pointermove', event => {
    if (grabbed) scroll.scrollLeft = grabbed.left + grabbed.x - event.clientX;
    const share = about(event.clientX);
    now.textContent = (from + share * (to - from)).toFixed(3) + ' s';
    cursor.setAttribute('x1', share * 100 + '%');
    cursor.setAttribute('x2', share * 100 + '%');
    cursor.setAttribute('visibility', 'visible');
    const mark = event.target.closest('[data-tip]');
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = mark.dataset.tip;
    const width = tip.offsetWidth, height = tip.offsetHeight;
    const x = event.clientX + 14, y = event.clientY + 16;
    tip.style.left = (x + width > innerWidth ? Math.max(0, x - width - 28) : x) + 'px';
    tip.style.top = (y + height > innerHeight ? Math.max(0, y - height - 32) : y) + 'px';
  });
  svg.addEventListener('pointerleave', () => {
    tip.hidden = true;
    now.textContent = '';
    cursor.setAttribute('visibility', 'hidden');
  });
}
