// What a panel needs of the page it stands in: keys, names that ipywidgets leaves out,
// a long answer that follows its end, and cells inserted below. It shows nothing.
// widget_manager.context exists in JupyterLab and Notebook 7, undocumented.
const NEAR_END_PX = 40;
const SCROLLS = ".wcode-scroll, .wcode-turns, .wcode-rows, .wcode-grid";

function insertBelow(model, el, source) {
  const notebook = model.widget_manager?.context?.model?.sharedModel;
  if (!notebook?.insertCell) return;
  const cell = el.closest(".jp-Cell");
  const all = [...(el.closest(".jp-Notebook")?.querySelectorAll(".jp-Cell") ?? [])];
  const at = all.indexOf(cell);
  const place = at < 0 ? notebook.cells.length : at + 1;
  notebook.insertCell(place, { cell_type: "code", source, metadata: {} });
}

function visible(root, name) {
  const found = [...root.querySelectorAll(name)];
  return found.find((one) => one.offsetParent && !one.disabled);
}

// A field that tells its value only when it is left is left for a moment.
function press(root, name) {
  const button = visible(root, name);
  if (!button) return;
  const field = document.activeElement;
  if (root.contains(field)) {
    field.blur();
    field.focus();
  }
  button.click();
}

// JupyterLab takes a letter typed on a button for a command of the notebook, unless
// the button itself says otherwise. Fields of ipywidgets let no key pass, so keys are
// caught on their way down; Esc first closes an open token.
function keys(root) {
  root.addEventListener("focusin", ({ target }) => {
    target.dataset.lmSuppressShortcuts = "true";
  });
  const caught = (event) => {
    const chord = event.key === "Enter" && (event.ctrlKey || event.metaKey);
    const stops = event.key === "Escape" && !root.querySelector(":popover-open");
    if (!chord && !stops) return;
    press(root, chord ? ".wcode-go" : ".wcode-stop");
    event.preventDefault();
    event.stopPropagation();
  };
  root.addEventListener("keydown", caught, true);
}

// A slider's handle and a button with an icon alone have no name of their own.
function name(root) {
  for (const handle of root.querySelectorAll("[role=slider]:not([aria-label])")) {
    const row = handle.closest(".wcode-knob");
    handle.setAttribute("aria-label", row?.querySelector("label")?.innerText ?? "");
  }
  for (const node of root.querySelectorAll(".wcode-fold"))
    node.setAttribute("aria-expanded", node.classList.contains("mod-active"));
  for (const node of root.querySelectorAll(".wcode-switch, .wcode-pages button"))
    node.setAttribute("aria-pressed", node.classList.contains("mod-active"));
  for (const node of root.querySelectorAll("button[title]:not([aria-label])"))
    if (!node.innerText.trim()) node.setAttribute("aria-label", node.title);
  for (const node of root.querySelectorAll(SCROLLS)) {
    if (node.hasAttribute("tabindex")) continue;
    node.tabIndex = 0;
    node.dataset.end = "1";
    node.addEventListener("scroll", () => {
      const left = node.scrollHeight - node.scrollTop - node.clientHeight;
      node.dataset.end = left < NEAR_END_PX ? "1" : "";
    });
  }
}

function follow(root) {
  for (const node of root.querySelectorAll(".wcode-growing .wcode-scroll"))
    if (node.dataset.end) node.scrollTop = node.scrollHeight;
}

// Images go to the kernel as they are; text that is dropped or pasted goes its own way.
function images(root, model) {
  const take = (event, files) => {
    const found = [...(files ?? [])].filter(({ type }) => type.startsWith("image/"));
    if (!found.length) return;
    event.preventDefault();
    event.stopPropagation();
    for (const file of found)
      file
        .arrayBuffer()
        .then((data) => model.send({ image: file.name }, undefined, [data]));
  };
  root.addEventListener("dragover", (event) => {
    const items = [...(event.dataTransfer?.items ?? [])];
    if (items.some(({ kind }) => kind === "file")) event.preventDefault();
  });
  root.addEventListener("drop", (event) => take(event, event.dataTransfer?.files));
  root.addEventListener("paste", (event) => take(event, event.clipboardData?.files));
}

export default {
  render({ model, el }) {
    model.on("msg:custom", ({ source }) => insertBelow(model, el, source));
    let watcher;
    const begin = () => {
      const root = el.closest(".wcode-panel");
      if (!root) return requestAnimationFrame(begin);
      const look = () => (name(root), follow(root));
      keys(root);
      images(root, model);
      root.dataset.keys = "ready";
      watcher = new MutationObserver(look);
      const seen = { attributeFilter: ["class"], childList: true, subtree: true };
      watcher.observe(root, seen);
      look();
    };
    begin();
    return () => watcher?.disconnect();
  },
};
