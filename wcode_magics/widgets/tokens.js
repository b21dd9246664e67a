// Tokens that open their alternatives as bars, with «go on from here» on each.
// Text of an answer is never set as HTML; «around» is HTML that the kernel made inert.
function made(tag, parent, text, name) {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  if (name) node.className = name;
  parent?.append(node);
  return node;
}

function barRow(row, words, go) {
  const line = made(row.choice ? "button" : "div", null, "", "wcode-choice");
  line.style.setProperty("--share", `${(100 * row.share).toFixed(2)}%`);
  if (row.chosen) line.classList.add("wcode-chosen");
  made("span", line, row.text, "wcode-word");
  made("span", line, row.percent, "wcode-share");
  made("span", line, row.choice ? `↳ ${words.go_on_from}` : "", "wcode-onward");
  if (row.choice) line.onclick = () => go(row.choice);
  return line;
}

function placeBox(place, words, choose) {
  const box = made("div");
  const head = made("div", box, "", "wcode-place");
  made("b", head, place.head);
  made("span", head, place.share);
  const go = (alternative) => choose(place.index, alternative);
  for (const row of place.rows) box.append(barRow(row, words, go));
  if (place.note) made("div", box, place.note, "wcode-faint");
  return box;
}

export default {
  render({ model, el }) {
    const before = made("div", el);
    const all = made("div", el, "", "wcode-running");
    const running = made("span", all, "", "wcode-tokens");
    running.setAttribute("role", "toolbar");
    const rest = made("span", all);
    const more = made("div", el, "", "wcode-faint");
    const after = made("div", el);
    const popover = made("div", null, "", "wcode-popover");
    popover.setAttribute("role", "dialog");
    popover.popover = "manual";
    el.append(popover);
    const choose = (token, alternative) => {
      close();
      model.send({ token, alternative });
    };
    let opened = null;

    function close(focus) {
      opened?.setAttribute("aria-expanded", "false");
      if (focus) opened?.focus();
      if (opened) popover.hidePopover();
      opened = null;
    }

    // Below its token, or above where there is no room below; never beyond the edge.
    function place(node) {
      const token = node.getClientRects()[0] ?? node.getBoundingClientRect();
      const left = Math.min(token.left, window.innerWidth - popover.offsetWidth - 8);
      const room = window.innerHeight - token.bottom - 8;
      const above = token.top - popover.offsetHeight - 4;
      const top = popover.offsetHeight < room || above < 0 ? token.bottom + 4 : above;
      popover.style.left = `${Math.max(0, left)}px`;
      popover.style.top = `${top}px`;
    }

    function open(map, piece, node) {
      if (opened === node) return close();
      close();
      opened = node;
      node.setAttribute("aria-expanded", "true");
      const places = map.places.slice(piece.first, piece.stop);
      const shut = made("button", null, "✕", "wcode-shut");
      shut.setAttribute("aria-label", map.words.close_tokens);
      shut.onclick = () => close(true);
      const boxes = places.map((one) => placeBox(one, map.words, choose));
      popover.replaceChildren(shut, ...boxes);
      popover.setAttribute("aria-label", map.words.alternatives);
      popover.showPopover();
      place(node);
      (popover.querySelector("button.wcode-choice") ?? shut).focus({ preventScroll: true });
    }

    function draw(map) {
      close();
      before.innerHTML = map.around[0];
      after.innerHTML = map.around[1];
      rest.textContent = map.rest;
      more.textContent = map.more;
      running.replaceChildren();
      running.setAttribute("aria-label", map.words.tokens);
      map.pieces.forEach((piece) => {
        const node = made("span", running, piece.text);
        node.title = piece.title;
        node.style.cssText = piece.style;
        if (piece.first === piece.stop) return;
        node.setAttribute("role", "button");
        node.setAttribute("aria-haspopup", "dialog");
        node.setAttribute("aria-expanded", "false");
        node.tabIndex = running.querySelector("[tabindex]") ? -1 : 0;
        node.onclick = () => open(map, piece, node);
      });
    }

    function move(all, step) {
      const at = all.indexOf(document.activeElement);
      const next = all[at + step];
      if (!next) return;
      if (next.parentNode === running) {
        all[at].tabIndex = -1;
        next.tabIndex = 0;
      }
      next.focus();
    }

    el.onkeydown = (event) => {
      const inside = popover.contains(document.activeElement);
      const steps = inside ? ["ArrowUp", "ArrowDown"] : ["ArrowLeft", "ArrowRight"];
      const step = steps.indexOf(event.key);
      if (event.key === "Escape" && opened) close(true);
      else if (step >= 0) {
        const name = inside ? "button" : "[role=button]";
        move([...(inside ? popover : running).querySelectorAll(name)], 2 * step - 1);
      } else if (!inside && ["Enter", " "].includes(event.key) && !event.ctrlKey)
        document.activeElement.click();
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
    const outside = (event) => {
      if (opened && !popover.contains(event.target) && event.target !== opened) close();
    };
    const scrolled = (event) => popover.contains(event.target) || close();
    document.addEventListener("pointerdown", outside);
    document.addEventListener("scroll", scrolled, true);
    model.on("msg:custom", draw);
    model.send({ ready: true });
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("scroll", scrolled, true);
    };
  },
};
