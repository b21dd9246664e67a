"""The panel's style sheet: JupyterLab's theme colours, wide and narrow layouts."""

from wcode_magics.widgets.static_copy import HIDE_COPY

_COLOURS = """
.wcode-panel {
  --wcode-text: var(--jp-ui-font-color1, #333);
  --wcode-faint: var(--jp-ui-font-color2, #666);
  --wcode-line: var(--jp-border-color1, #bbb);
  --wcode-soft: var(--jp-border-color2, #ddd);
  --wcode-page: var(--jp-layout-color0, #fff);
  --wcode-shade: var(--jp-layout-color2, #eee);
  --wcode-brand: var(--jp-brand-color1, #1976d2);
  --wcode-warn: var(--jp-warn-color1, #c60) }
body[data-jp-theme-light=true] .wcode-panel { --wcode-faint: #5f5f5f }
body[data-jp-theme-light=false] .wcode-panel { --wcode-faint: #b8b8b8 }
.wcode-panel .wcode-faint, .wcode-panel .wcode-foot [style] {
  color: var(--wcode-faint) !important; font-weight: normal; opacity: 1 !important }
"""
_LAYOUT = """
.wcode-panel { container-type: inline-size; padding: 2px 0; max-width: 1500px;
  overflow: visible }
.wcode-panel .wcode-off { display: none !important }
.wcode-panel .widget-box { overflow: visible }
.wcode-panel .wcode-head { align-items: center; flex-wrap: wrap; gap: 2px 6px;
  border-bottom: 1px solid var(--wcode-soft); margin: 0 2px 4px; padding-bottom: 2px }
.wcode-panel .wcode-pages { flex: 1 1 auto; margin: 0 }
.wcode-panel .wcode-pages .widget-toggle-button, .wcode-panel .wcode-pages button {
  width: auto; padding: 0 12px; margin: 0; background: none; box-shadow: none;
  border-bottom: 2px solid transparent; color: var(--wcode-text) }
.wcode-panel .wcode-pages .mod-active { font-weight: 600;
  border-bottom-color: var(--wcode-brand) }
.wcode-panel .wcode-language { width: 5.6em }
.wcode-panel .wcode-tools { margin: 0 0 0 auto; align-items: center }
.wcode-panel .wcode-tools > * { margin: 0 0 0 4px }
.wcode-panel .wcode-x { padding: 0 9px; background: none; box-shadow: none }
.wcode-panel .wcode-columns { display: flex; flex-flow: row wrap; gap: 4px 20px;
  align-items: flex-start; margin: 0 }
.wcode-panel .wcode-left { flex: 3 1 30em; min-width: 0; margin: 0 }
.wcode-panel .wcode-right { flex: 2 1 24em; min-width: 0; max-width: 34em; margin: 0 }
.wcode-panel .wcode-bar { flex-wrap: wrap; align-items: flex-start; gap: 2px 4px }
.wcode-panel .wcode-bar > .wcode-status { flex: 1 1 24em; min-height: 40px }
.wcode-panel .wcode-status .widget-html-content { font-size: 90%; padding: 3px 0 }
.wcode-panel .wcode-bar > .widget-hbox { margin: 0 }
.wcode-panel button { width: auto }
.wcode-panel .wcode-go i { display: inline-block; width: 1.1em }
.wcode-panel .wcode-switch { background: none; box-shadow: none;
  border: 1px solid var(--wcode-line); border-radius: 3px; color: var(--wcode-text);
  line-height: 26px }
.wcode-panel .wcode-switch.mod-active { border-color: var(--wcode-brand);
  box-shadow: inset 0 -2px var(--wcode-brand); font-weight: 600 }
.wcode-panel .wcode-keyed::after { font-size: 80%; margin-left: .6em; opacity: .9 }
.wcode-panel .wcode-go.wcode-keyed::after { content: "Ctrl ⏎" }
.wcode-panel .wcode-stop.wcode-keyed::after { content: "Esc" }
@container (max-width: 760px) {
  .wcode-panel .wcode-left, .wcode-panel .wcode-right { flex: 1 1 100%;
    max-width: none }
  .wcode-panel .wcode-pages .widget-toggle-button, .wcode-panel .wcode-pages button {
    padding: 0 7px } }
"""
_FIELDS = """
.wcode-panel .wcode-field { display: grid; grid-template-columns: 5.4em minmax(0, 1fr);
  height: auto; margin: 2px }
.wcode-panel .wcode-field .widget-label { width: auto; text-align: left }
.wcode-panel .wcode-field textarea { field-sizing: content; min-height: 32px;
  max-height: 40vh; resize: vertical; height: auto; line-height: 1.45;
  padding: 5px 8px }
.wcode-panel .wcode-field:not(.wcode-mono) textarea {
  font-family: var(--jp-ui-font-family, sans-serif) }
.wcode-panel .wcode-prompt textarea { min-height: 5.2em }
.wcode-panel .wcode-asked { position: relative; margin: 0 }
.wcode-panel .wcode-images { position: static; margin: 0 }
.wcode-panel .wcode-images > .widget-hbox { position: absolute; left: 0; top: 32px;
  margin: 0; gap: 2px }
.wcode-panel .wcode-images > .widget-html { margin-left: 5.6em }
.wcode-panel .wcode-images button { font-size: 0; min-width: 0; padding: 0 8px;
  margin: 0; background: none; box-shadow: none; color: var(--wcode-faint) }
.wcode-panel .wcode-images button i { font-size: 14px; margin: 0 }
.wcode-panel .wcode-mono textarea { font-family: var(--jp-code-font-family, monospace) }
.wcode-panel .wcode-right > .wcode-model .widget-label { width: 6.5em;
  text-align: left }
.wcode-panel .wcode-presets { display: grid; gap: 0 4px;
  grid-template-columns: minmax(6em, 1fr) minmax(6em, 1fr) auto }
.wcode-panel .wcode-presets .wcode-status { grid-column: 1 / 4 }
.wcode-panel .wcode-unseen .widget-label, .wcode-panel .wcode-knob .widget-label,
.wcode-panel .wcode-unseen.widget-dropdown > label {
  position: absolute; clip-path: inset(50%); width: 1px; height: 1px;
  overflow: hidden; margin: 0; min-width: 0 }
.wcode-panel .wcode-fields .widget-label { width: 6.4em; text-align: left }
.wcode-panel .wcode-fields .jupyter-widgets { margin-right: 0 }
.wcode-panel .wcode-fields > .widget-hbox > .widget-dropdown,
.wcode-panel .wcode-halves > * { flex: 1 1 12em }
.wcode-panel .wcode-halves { flex-wrap: wrap; gap: 0 10px }
.wcode-panel .wcode-grows { flex: 1 1 16em }
.wcode-panel .wcode-runs { width: 9em }
.wcode-panel .wcode-runs .widget-label { width: auto }
.wcode-panel .wcode-bad input { border-color: var(--jp-error-color1, #c00) }
.wcode-panel .wcode-chips { flex-wrap: wrap; gap: 3px; margin: 0 0 0 6.6em }
.wcode-panel .wcode-chips button { height: 24px; line-height: 24px; padding: 0 10px;
  border-radius: 12px; margin: 0 }
.wcode-panel .wcode-chips .wcode-chip i { order: 2; margin: 0 0 0 6px }
.wcode-panel .wcode-chip { display: inline-flex; align-items: center }
.wcode-panel .wcode-progress { flex: 1 1 100% }
"""
_KNOBS = """
.wcode-panel .wcode-knob { border-left: 3px solid transparent; padding-left: 5px;
  display: grid; gap: 0 .4em; align-items: center; margin: 0;
  grid-template-columns: minmax(6.5em, 12em) minmax(3em, 1fr) 4.8em 4.6em }
.wcode-panel .wcode-wide { grid-column: 2 / 4 }
.wcode-panel .wcode-below { grid-column: 1 / 5; margin: 0; height: auto;
  min-height: 0; position: static }
.wcode-panel .wcode-below .widget-html-content { position: static }
.wcode-panel .wcode-knobs { position: relative !important; margin: 2px 0 }
.wcode-panel .wcode-knobs .lm-Widget { position: static }
.wcode-panel .wcode-hint { height: 3.6em; margin: 2px; overflow: hidden }
.wcode-panel .wcode-hint .widget-html-content { align-self: flex-end }
.wcode-panel .wcode-help { display: none; position: absolute; left: 2px; right: 2px;
  top: 2px; height: 4em; overflow: hidden; background: var(--wcode-page);
  align-items: flex-end }
.wcode-panel .wcode-help, .wcode-panel .wcode-hint .widget-html-content {
  color: var(--wcode-faint); font-size: 90%; line-height: 1.3 }
.wcode-panel .wcode-knobs:has(.wcode-knob:hover, .wcode-knob:focus-within)
  .wcode-hint { visibility: hidden }
.wcode-panel .wcode-knob:focus-within .wcode-help { display: flex }
.wcode-panel .wcode-knob:hover .wcode-help { display: flex; z-index: 1 }
.wcode-panel .wcode-knob.wcode-set { border-left-color: var(--wcode-brand) }
.wcode-panel .wcode-knob.wcode-set .widget-checkbox { font-weight: 600 }
.wcode-panel .wcode-knob.wcode-unmet > :not(.wcode-below) { opacity: .5 }
.wcode-panel .wcode-knob.wcode-problem { border-left-color: var(--wcode-warn) }
.wcode-panel .wcode-knob [role=status] { font-size: 90%; line-height: 1.35;
  color: var(--wcode-text); white-space: normal; padding-bottom: 3px }
.wcode-panel .wcode-knob:not(.wcode-set) .noUi-target { opacity: .55 }
.wcode-panel .wcode-knob button { background: none; font-size: 85%; padding: 0 2px;
  text-align: right; color: var(--wcode-text); box-shadow: none; margin: 2px 0 }
.wcode-panel .wcode-knob button:disabled { opacity: 1; color: var(--wcode-faint) }
.wcode-panel .wcode-knob .widget-checkbox { height: auto; min-height: 28px;
  display: flex; align-items: center }
.wcode-panel .wcode-knob .widget-checkbox label { display: flex; gap: .45em;
  align-items: center; white-space: normal; line-height: 1.2; width: 100% }
.wcode-panel .wcode-knob .widget-checkbox input { margin: 0; flex: none }
.wcode-panel .wcode-fold { background: none; box-shadow: none; text-align: left;
  width: 100%; margin: 0; padding: 0 6px; color: var(--wcode-text);
  border-top: 1px solid var(--wcode-soft); overflow: hidden; text-overflow: ellipsis }
.wcode-panel .wcode-fold i { width: .9em; margin-right: .3em }
"""
_ANSWER = """
.wcode-panel .wcode-answer { margin: 2px; border-left: 3px solid var(--wcode-soft);
  padding-left: 10px; position: relative }
.wcode-panel .wcode-answer.wcode-blank { visibility: hidden }
.wcode-panel .wcode-scroll { display: block; max-height: 70vh; overflow: auto;
  min-height: 3em; margin: 0 }
.wcode-panel .wcode-scroll > * { margin: 0 }
.wcode-panel .wcode-stream { display: block }
.wcode-panel .wcode-scroll .widget-html { display: block; margin: 0; height: auto;
  min-height: 0 }
.wcode-panel .wcode-scroll .widget-html-content > :first-child { margin-top: 0 }
.wcode-panel .wcode-answer:not(.wcode-growing) .wcode-stream,
.wcode-panel .wcode-growing .wcode-scroll > .wcode-text,
.wcode-panel .wcode-growing .wcode-map,
.wcode-panel .wcode-answer:not(.wcode-as-tokens) .wcode-map,
.wcode-panel .wcode-answer:not(.wcode-has-tokens) .wcode-map,
.wcode-panel .wcode-as-tokens.wcode-has-tokens .wcode-scroll > .wcode-text {
  display: none }
.wcode-panel .wcode-scroll .widget-html-content { line-height: 1.5 }
.wcode-panel .wcode-foot { min-height: 1.6em; height: auto; margin: 0 }
.wcode-panel .wcode-stale { border-left-color: var(--wcode-warn) }
.wcode-panel .wcode-answer.wcode-stale { border-left-style: dashed }
.wcode-panel .wcode-running { white-space: pre-wrap; overflow-wrap: anywhere;
  line-height: 1.9 }
.wcode-panel .wcode-tokens > span { cursor: pointer }
.wcode-panel .wcode-tokens > span:hover,
.wcode-panel .wcode-tokens > span:focus-visible,
.wcode-panel .wcode-tokens > [aria-expanded=true] {
  outline: 2px solid var(--wcode-brand); border-radius: 2px }
.wcode-popover { position: fixed; inset: auto; margin: 0; padding: 8px 10px;
  width: min(24em, 90vw); max-height: 60vh; overflow: auto; color: var(--wcode-text);
  background: var(--wcode-page); border: 1px solid var(--wcode-line);
  border-radius: 4px; box-shadow: 0 3px 14px #0005; font-size: 13px }
.wcode-popover .wcode-place { display: flex; align-items: baseline; gap: .8em;
  margin: 0 2em 4px 0;
  overflow-wrap: anywhere }
.wcode-popover .wcode-shut { position: absolute; right: 4px; top: 4px; width: 26px;
  height: 26px; border: 0; background: none; color: inherit; cursor: pointer }
.wcode-popover .wcode-choice { display: grid; width: 100%; margin: 2px 0;
  border: 0; box-sizing: border-box;
  grid-template-columns: minmax(0, 1fr) 4.2em; align-items: center; gap: 0 .5em;
  padding: 3px 6px; text-align: left; font: inherit; color: inherit; border-radius: 2px;
  background: linear-gradient(rgba(230,97,1,.3), rgba(230,97,1,.3)) no-repeat 0 0 /
    var(--share) 100% var(--wcode-shade) }
.wcode-popover .wcode-word { white-space: pre-wrap; overflow-wrap: anywhere }
.wcode-popover .wcode-share { text-align: right; font-variant-numeric: tabular-nums }
.wcode-popover .wcode-onward { grid-column: 1 / 3; font-size: 85%; display: none }
.wcode-popover button.wcode-choice { cursor: pointer }
.wcode-popover button.wcode-choice:is(:hover, :focus) .wcode-onward {
  display: block }
.wcode-popover .wcode-chosen { font-weight: 600 }
"""
_CHAT = """
.wcode-panel .wcode-turns { max-height: 60vh; overflow-y: auto; margin: 0 }
.wcode-panel .wcode-turns > * { flex: none }
.wcode-panel .wcode-turn { align-items: flex-start; margin: 2px 0 }
.wcode-panel .wcode-said { flex: 1 1 auto; min-width: 0; margin: 0 2px }
.wcode-panel .wcode-turn button { min-width: 26px !important; height: 26px;
  padding: 0; margin: 0;
  background: none; box-shadow: none; color: var(--wcode-faint); flex: none;
  line-height: 26px }
.wcode-panel .wcode-turn .wcode-copy { margin: 0; flex: none; height: 26px }
.wcode-panel .wcode-turn.wcode-unseen button { width: auto; padding: 0 10px;
  margin: 0 4px 0 0; background: var(--wcode-shade); color: var(--wcode-text) }
.wcode-panel .wcode-turn.wcode-unseen .wcode-field { display: block }
.wcode-panel .wcode-turn.wcode-unseen textarea { width: 100%; box-sizing: border-box }
.wcode-panel .wcode-turn.wcode-unseen { align-items: stretch }
"""
_PAGES = """
.wcode-panel .wcode-pair { display: grid; gap: 0 .4em;
  grid-template-columns: minmax(8em, 1fr) minmax(8em, 2fr) }
.wcode-panel .wcode-grid { gap: 6px; margin: 4px 2px; overflow-x: auto }
.wcode-panel .wcode-grid > * { margin: 0; height: auto }
.wcode-panel .wcode-head-cell .widget-html-content { font-size: 90% }
.wcode-panel .wcode-card { border: 1px solid var(--wcode-line); border-radius: 3px;
  padding: 4px 8px; min-width: 0; justify-content: space-between }
.wcode-panel .wcode-stale .wcode-card { border-style: dashed;
  border-color: var(--wcode-warn) }
.wcode-panel .wcode-card-foot { justify-content: space-between; align-items: center;
  flex-wrap: wrap; margin: 0 }
.wcode-panel .wcode-card-foot .wcode-foot { flex: 0 1 auto }
.wcode-panel .wcode-small { height: 22px; line-height: 22px; font-size: 85%;
  padding: 0 8px; flex: none }
.wcode-panel .wcode-rows { overflow-x: auto }
.wcode-panel .wcode-rows td, .wcode-panel .wcode-rows th { padding: 2px 8px;
  text-align: left; min-width: 3em; max-width: 22em }
.wcode-panel .wcode-rows td:nth-child(2) { min-width: 12em }
.wcode-panel .wcode-filled pre { border-left: 3px solid var(--wcode-soft);
  padding: 2px 8px; margin: 2px 0 }
.wcode-panel .wcode-filled { margin-left: 6.6em; height: auto; min-height: 0 }
.wcode-panel .wcode-wrong { margin-left: 6.6em; height: auto; min-height: 0 }
.wcode-panel .wcode-code { position: relative }
.wcode-panel .wcode-code > button { position: absolute; right: 4px; top: 4px;
  width: auto; padding: 0 8px; z-index: 1 }
.wcode-panel .wcode-source pre { padding: 8px; margin: 4px 0; min-height: 34px;
  background: var(--wcode-shade); border-radius: 3px }
.wcode-panel .widget-html-content { white-space: normal; line-height: 1.4 }
.wcode-panel pre { white-space: pre-wrap; overflow-wrap: anywhere }
.wcode-panel :is(button, input, textarea, select):focus-visible,
.wcode-panel :is(.noUi-handle, .wcode-scroll):focus-visible {
  outline: 2px solid var(--wcode-brand); outline-offset: 1px }
"""
_SHEETS = (_COLOURS, _LAYOUT, _FIELDS, _KNOBS, _ANSWER, _CHAT, _PAGES, HIDE_COPY)
CSS = f"<style>{''.join(_SHEETS)}</style>"
