"""The panel's style sheet: JupyterLab's theme colours, wide and narrow layouts."""

CSS = """<style>
.wcode-panel { container-type: inline-size; padding: 2px 0; max-width: 1400px }
.wcode-panel .wcode-columns { display: flex; flex-flow: row wrap; gap: 4px 18px;
  align-items: flex-start; overflow: visible }
.wcode-panel .wcode-left { flex: 3 1 27em; min-width: 0 }
.wcode-panel .wcode-right { flex: 2 1 25em; min-width: 0 }
.wcode-panel .wcode-faint { color: var(--jp-ui-font-color2, #666); font-weight: normal }
.wcode-panel .wcode-mono textarea { font-family: var(--jp-code-font-family, monospace) }
.wcode-panel .wcode-knob { border-left: 3px solid transparent; padding-left: 5px;
  display: grid; gap: 0 .4em; align-items: center; overflow: visible;
  grid-template-columns: minmax(6.5em, 9.5em) minmax(4em, 1fr) 5.2em 5em }
.wcode-panel .wcode-wide { grid-column: 2 / 4 }
.wcode-panel .wcode-note { grid-column: 1 / 5; margin: 0 }
.wcode-panel .wcode-knobs { position: relative !important }
.wcode-panel .wcode-help .widget-html-content,
.wcode-panel .wcode-hint .widget-html-content { line-height: 1.3 }
.wcode-panel .wcode-knobs .lm-Widget { position: static }
.wcode-panel .wcode-hint { height: 3.6em; margin: 2px }
.wcode-panel .wcode-help { display: none; position: absolute !important; left: 2px;
  right: 2px; top: 26px; height: 3.6em; margin: 0; overflow: hidden; width: auto;
  background: var(--jp-layout-color0, #fff) }
.wcode-panel .wcode-help, .wcode-panel .wcode-hint {
  color: var(--jp-ui-font-color2, #666); font-size: 90% }
.wcode-panel .wcode-knobs:has(.wcode-knob:hover, .wcode-knob:focus-within)
  .wcode-hint { visibility: hidden }
.wcode-panel .wcode-knob:focus-within .wcode-help { display: block }
.wcode-panel .wcode-knob:hover .wcode-help { display: block; z-index: 1 }
.wcode-panel .wcode-knob.wcode-set { border-left-color: var(--jp-brand-color1, #1976d2)}
.wcode-panel .wcode-knob.wcode-set .widget-checkbox { font-weight: 600 }
.wcode-panel .wcode-knob.wcode-problem { border-left-color: var(--jp-warn-color1, #c60)}
.wcode-panel .wcode-knob [role=status] { font-size: 90%; line-height: 1.35;
  color: var(--jp-warn-color0, #a40); white-space: normal; padding-bottom: 3px }
.wcode-panel .wcode-knob:not(.wcode-set) .noUi-target,
.wcode-panel .wcode-knob:not(.wcode-set) input[type=number] { opacity: .55 }
.wcode-panel .wcode-knob button { background: none; font-size: 85%; padding: 0 2px;
  text-align: right; color: var(--jp-ui-font-color1, #333); box-shadow: none }
.wcode-panel .wcode-knob button:disabled { opacity: .75;
  color: var(--jp-ui-font-color2, #666) }
.wcode-panel .wcode-head { justify-content: flex-end; align-items: center }
.wcode-panel .wcode-head .widget-html { margin-right: auto }
.wcode-panel .wcode-fields .widget-label { width: 5.8em; text-align: left }
.wcode-panel .wcode-fields .jupyter-widgets { margin-right: 0 }
.wcode-panel .wcode-knob .widget-checkbox { height: auto; min-height: 28px;
  display: flex; align-items: center }
.wcode-panel .wcode-knob .widget-checkbox label { display: flex; gap: .45em;
  align-items: center; white-space: normal; line-height: 1.2; width: 100% }
.wcode-panel .wcode-knob .widget-checkbox input { margin: 0; flex: none }
.wcode-panel .wcode-knob .widget-label, .wcode-panel .wcode-unseen .widget-label {
  position: absolute; clip-path: inset(50%); width: 1px; height: 1px;
  overflow: hidden; margin: 0; min-width: 0 }
.wcode-panel .jupyter-widget-Collapse-header { font-weight: 500 }
.wcode-panel .wcode-pair { display: grid; gap: 0 .4em;
  grid-template-columns: minmax(8em, 1fr) minmax(8em, 2fr) }
.wcode-panel .wcode-grid { gap: 6px; margin-top: 4px; overflow-x: auto }
.wcode-panel .wcode-card { border: 1px solid var(--jp-border-color1, #bbb);
  border-radius: 3px; padding: 2px 6px; min-width: 0 }
.wcode-panel .wcode-card-head { justify-content: space-between; align-items: center }
.wcode-panel .wcode-turns { max-height: 24em; overflow-y: auto }
.wcode-panel .wcode-turns > * { flex: none }
.wcode-panel .wcode-turns button { padding: 0; text-overflow: clip; flex: none }
.wcode-panel .wcode-tokens { white-space: pre-wrap; overflow-wrap: anywhere;
  line-height: 1.9; max-height: 20em; overflow-y: auto }
.wcode-panel .wcode-tokens span { cursor: pointer }
.wcode-panel .wcode-tokens span:hover, .wcode-panel .wcode-tokens span:focus-visible,
.wcode-panel .wcode-tokens [aria-pressed=true] {
  outline: 2px solid var(--jp-brand-color1, #1976d2) }
.wcode-panel .wcode-choices { display: flex; flex-wrap: wrap; gap: 4px;
  align-items: center; margin: 2px 0 6px }
.wcode-panel .wcode-choices button { width: auto; padding: 0 8px; margin: 0 }
.wcode-panel .wcode-rows { overflow-x: auto }
.wcode-panel .wcode-rows td, .wcode-panel .wcode-rows th { padding: 2px 8px;
  text-align: left; min-width: 3em; max-width: 22em }
.wcode-panel .wcode-rows td:nth-child(2) { min-width: 12em }
.wcode-panel .wcode-code { position: relative }
.wcode-panel .wcode-code > button { position: absolute; right: 4px; top: 4px;
  width: auto; padding: 0 8px; z-index: 1 }
.wcode-panel .wcode-source pre { padding: 8px; margin: 4px 0; min-height: 34px;
  background: var(--jp-layout-color2, #eee); border-radius: 3px }
.wcode-panel .wcode-answer { overflow-x: auto }
.wcode-panel .wcode-answer .widget-html-content { line-height: 1.5 }
.wcode-panel .widget-html-content { white-space: normal; line-height: 1.4 }
.wcode-panel pre { white-space: pre-wrap; overflow-wrap: anywhere }
.wcode-panel button:focus-visible, .wcode-panel input:focus-visible,
.wcode-panel textarea:focus-visible, .wcode-panel select:focus-visible,
.wcode-panel .noUi-handle:focus-visible {
  outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: 1px }
.wcode-panel .jupyter-widget-Collapse-contents,
.wcode-panel .widget-tab-contents { padding: 6px 4px }
.wcode-panel .jupyter-widget-Collapse-header { padding: 4px 8px }
</style>"""
