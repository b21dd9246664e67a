// Review of rows: one card at a time, decided by a key. Cards arrive ahead of time, so
// the next one is there without the kernel. Text is never set as HTML.
// data-lm-suppress-shortcuts keeps JupyterLab from treating keys as commands.
function made(tag, parent, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  parent?.append(node);
  return node;
}

function drawnChoice(choice, number, card, choose) {
  const row = made("button", null, "wcode-choice");
  row.setAttribute("aria-pressed", String(choice.name === card.answer));
  made("kbd", row, "", number < 10 ? String(number) : "");
  made("span", row, "wcode-name", choice.name);
  const bar = made("span", row, "wcode-bar");
  made("span", bar).style.width = `${100 * (choice.share ?? 0)}%`;
  made("span", row, "wcode-share", choice.shown);
  row.onclick = () => choose(choice.name);
  return row;
}

function drawnCard(card, words, choose) {
  const box = made("div", null, "wcode-card");
  const head = made("div", box, "wcode-faint", card.head);
  head.setAttribute("role", "status");
  for (const [name, text] of card.texts) {
    if (card.texts.length > 1) made("div", box, "wcode-faint", name);
    made("div", box, "wcode-text", text);
  }
  const list = made("div", box, "wcode-choices");
  card.choices.forEach((one, at) => list.append(drawnChoice(one, at + 1, card, choose)));
  if (card.tokens.length) {
    const line = made("div", box, "wcode-tokens");
    made("span", line, "wcode-faint", words.tokens);
    for (const token of card.tokens) {
      const node = made("span", line, "", token.text);
      node.style.cssText = token.style;
      node.title = token.title;
    }
    if (card.unsure) made("div", box, "wcode-faint", card.unsure);
  }
  return box;
}

export default {
  render({ model, el }) {
    el.dataset.lmSuppressShortcuts = "true";
    el.classList.add("wcode-review");
    el.tabIndex = 0;
    const place = made("div", el);
    const bar = made("div", el, "wcode-keys");
    const progress = made("div", el, "wcode-state");
    const metrics = made("div", el, "wcode-more");
    metrics.setAttribute("aria-live", "polite");
    let cards = [];
    let past = [];
    let words = null;

    function draw() {
      if (!words) return;
      const shown = cards.length
        ? drawnCard(cards[0], words, choose)
        : past.at(-1)?.more ? made("div", null, "wcode-card", "…")
        : made("div", null, "wcode-over", words.over);
      place.replaceChildren(shown);
    }

    function decide(act, choice) {
      const card = cards.shift();
      if (!card) return;
      past.push(card);
      draw();
      model.send({ act, place: card.place, choice });
    }

    function takeBack() {
      const card = past.pop();
      if (card) cards.unshift(card);
      draw();
      model.send({ act: card ? "back" : "reset" });
    }

    const choose = (name) => decide("choose", name);
    const acts = {
      Enter: () => cards[0]?.answer && choose(cards[0].answer),
      s: () => decide("skip"),
      u: takeBack,
    };

    function buttons() {
      bar.replaceChildren();
      for (const [key, label] of words.keys) {
        const button = made("button", bar, "jupyter-button");
        made("kbd", button, "", key);
        made("span", button, "", ` ${label}`);
        button.onclick = () => { acts[key.length > 1 ? key : key.toLowerCase()](); el.focus(); };
      }
    }

    el.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      const key = event.key.length > 1 ? event.key : event.key.toLowerCase();
      const choice = /^[1-9]$/.test(key) && cards[0]?.choices[Number(key) - 1];
      if (choice) choose(choice.name);
      else if (acts[key]) acts[key]();
      else return;
      event.preventDefault();
      event.stopPropagation();
      el.focus({ preventScroll: true });
    });

    model.on("msg:custom", (sent) => {
      if (sent.metrics) {
        metrics.replaceChildren(...sent.metrics.map((line) => made("div", null, "", line)));
        return;
      }
      if (sent.words) { words = sent.words; buttons(); }
      if (sent.reset) { cards = []; past = []; }
      const waiting = !cards.length;
      cards.push(...sent.cards);
      if (waiting) draw();
      progress.textContent = sent.progress;
      progress.hidden = bar.hidden = !sent.progress;
    });
    model.send({ act: "ready" });
    requestAnimationFrame(() => el.focus({ preventScroll: true }));
  },
};
