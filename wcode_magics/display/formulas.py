r"""TeX formulas in an answer: where they are, and which of them may be typeset.

``$…$`` follows pandoc's rule, so that prices are not formulas: no space inside the
dollars, no digit after the closing one. ``$$…$$``, ``\(…\)``, ``\[…\]`` and
environments such as ``\begin{align}`` are formulas as well. MathJax can load images,
create links and redefine commands, so a formula is typeset only if all of its commands
are in the allowlist below; otherwise its source is shown.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block.state_block import StateBlock
    from markdown_it.rules_inline.state_inline import StateInline
    from markdown_it.token import Token

LONGEST = 5_000
DEEPEST = 40

_ENVIRONMENT_NAMES = """
    align align* aligned alignat alignat* alignedat array bmatrix Bmatrix cases dcases
    rcases eqnarray eqnarray* equation equation* flalign flalign* gather gather*
    gathered matrix multline multline* pmatrix smallmatrix split subarray vmatrix
    Vmatrix
"""
_COMMAND_NAMES = """
    alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa
    varkappa lambda mu nu xi omicron pi varpi rho varrho sigma varsigma tau upsilon
    phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi
    Omega digamma aleph beth gimel daleth hbar hslash ell wp Re Im imath jmath
    partial nabla infty forall exists nexists emptyset varnothing neg lnot top bot
    angle measuredangle sphericalangle triangle triangledown square Box blacksquare
    lozenge bigstar diamondsuit heartsuit clubsuit spadesuit sharp flat natural
    checkmark complement eth mho prime backprime surd degree dagger ddagger dag ddag
    copyright pounds yen circledR circledS P S sum prod coprod int iint iiint iiiint
    oint bigcap bigcup bigsqcup bigvee bigwedge bigodot bigotimes bigoplus biguplus
    smallint intop ointop limits nolimits displaylimits substack sideset sin cos tan
    cot sec csc sinh cosh tanh coth arcsin arccos arctan arg deg det dim exp gcd hom
    inf injlim ker lg lim liminf limsup ln log max min Pr projlim sup varlimsup
    varliminf varinjlim varprojlim operatorname operatornamewithlimits mathop bmod
    pmod mod pod pm mp times div cdot ast star circ bullet cap cup uplus sqcap sqcup
    vee wedge lor land setminus smallsetminus wr diamond bigtriangleup
    bigtriangledown triangleleft triangleright lhd rhd unlhd unrhd oplus ominus
    otimes oslash odot bigcirc amalg dotplus ltimes rtimes leftthreetimes
    rightthreetimes curlyvee curlywedge circleddash circledast circledcirc centerdot
    intercal doublecap doublecup Cap Cup barwedge doublebarwedge veebar
    divideontimes boxminus boxtimes boxdot boxplus leq le geq ge leqq geqq leqslant
    geqslant eqslantless eqslantgtr ll gg lll ggg lt gt lesssim gtrsim lessapprox
    gtrapprox lessgtr gtrless lesseqgtr gtreqless prec succ preceq succeq
    preccurlyeq succcurlyeq precsim succsim subset supset subseteq supseteq
    subseteqq supseteqq subsetneq supsetneq subsetneqq supsetneqq Subset Supset
    sqsubset sqsupset sqsubseteq sqsupseteq in ni notin owns equiv sim simeq backsim
    backsimeq approx approxeq cong doteq doteqdot Doteq risingdotseq fallingdotseq
    eqcirc circeq triangleq bumpeq Bumpeq propto varpropto asymp ne neq not nless
    ngtr nleq ngeq nleqslant ngeqslant lneq gneq lneqq gneqq lnsim gnsim nprec nsucc
    npreceq nsucceq nsim ncong nmid nparallel nsubseteq nsupseteq models vdash dashv
    Vdash vDash Vvdash nvdash nvDash nVdash nVDash mid parallel perp bowtie Join
    smile frown pitchfork between therefore because trianglelefteq trianglerighteq
    vartriangle vartriangleleft vartriangleright colon coloneqq eqqcolon colonapprox
    shortmid shortparallel leftarrow gets rightarrow to leftrightarrow Leftarrow
    Rightarrow Leftrightarrow longleftarrow longrightarrow longleftrightarrow
    Longleftarrow Longrightarrow Longleftrightarrow implies impliedby iff mapsto
    longmapsto uparrow downarrow updownarrow Uparrow Downarrow Updownarrow nearrow
    searrow swarrow nwarrow hookleftarrow hookrightarrow leftharpoonup
    leftharpoondown rightharpoonup rightharpoondown leftrightharpoons
    rightleftharpoons leadsto rightsquigarrow leftarrowtail rightarrowtail
    twoheadleftarrow twoheadrightarrow leftleftarrows rightrightarrows
    leftrightarrows rightleftarrows curvearrowleft curvearrowright circlearrowleft
    circlearrowright nleftarrow nrightarrow nLeftarrow nRightarrow nleftrightarrow
    nLeftrightarrow upharpoonleft upharpoonright downharpoonleft downharpoonright
    multimap dashrightarrow dashleftarrow xleftarrow xrightarrow xleftrightarrow
    xRightarrow xLeftarrow xLeftrightarrow xmapsto left right middle big Big bigg
    Bigg bigl Bigl biggl Biggl bigr Bigr biggr Biggr bigm Bigm biggm Biggm lbrace
    rbrace lbrack rbrack langle rangle lceil rceil lfloor rfloor lvert rvert lVert
    rVert vert Vert lgroup rgroup lmoustache rmoustache ulcorner urcorner llcorner
    lrcorner backslash frac dfrac tfrac cfrac binom dbinom tbinom genfrac over atop
    choose above overwithdelims atopwithdelims brack brace sqrt root of uproot
    leftroot hat widehat check widecheck tilde widetilde acute grave dot ddot dddot
    ddddot breve bar vec overline underline overbrace underbrace overbracket
    underbracket overleftarrow overrightarrow overleftrightarrow underleftarrow
    underrightarrow underleftrightarrow overparen underparen overset underset
    stackrel stackbin skew boxed fbox cancel bcancel xcancel mathrm mathbf mathit
    mathsf mathtt mathcal mathbb mathfrak mathscr mathnormal boldsymbol bm pmb bf rm
    it sf tt cal frak Bbb scr mit text textrm textbf textit textsf texttt textnormal
    textup mbox hbox emph bold quad qquad enspace enskip thinspace medspace
    thickspace negthinspace negmedspace negthickspace space nobreakspace phantom
    hphantom vphantom smash mathstrut strut displaystyle textstyle scriptstyle
    scriptscriptstyle tiny scriptsize small normalsize large Large LARGE huge Huge
    dots ldots cdots vdots ddots dotsb dotsc dotsi dotsm dotso idotsint lq rq begin
    end hline hdashline cr newline notag nonumber tag allowbreak relax mathopen
    mathclose mathbin mathrel mathord mathpunct mathinner mathchoice ce pu bra ket
    braket Bra Ket Braket dv pdv
"""
_ENVIRONMENTS = frozenset([None, *_ENVIRONMENT_NAMES.split()])
_COMMANDS = frozenset([None, *_COMMAND_NAMES.split()])
_OPENING = re.compile(r"\$+|\\[(\[]|\\begin\{([A-Za-z]+\*?)\}")
_CLOSING = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}
_TOKEN = re.compile(
    r"\\(?:text)?color\s*\{[A-Za-z]{1,20}\}"
    r"|\\[hm]space\*?\s*\{-?\d?\d?\.?\d{0,3}(?:em|ex|pt|mu|cm|mm)\}"
    r"|\\(?:begin|end)\s*\{(?P<environment>[^{}]*)\}"
    r"|\\(?P<command>[A-Za-z]+)"
    r"|\\[\\ ,:;!>|{}$%&#_/-]"
    r"|(?P<refused>\\)|(?P<open>\{)|(?P<close>\})"
)
_VARIABLE_NEXT = re.compile(r"[^\W\d]|\{")
_ENDS_IN_SIGN = re.compile(r"[/:;,.=+\-<>|&\u2e80-\uffff]$")


class Formula(NamedTuple):
    """A formula in a text: its TeX, its source with delimiters, and its end.

    ``display``: set on its own line; ``bare``: an environment without delimiters.
    """

    tex: str
    source: str
    stop: int
    display: bool
    bare: bool = False

    @property
    def delimited(self) -> str:
        """The TeX with delimiters that MathJax recognizes."""
        if self.bare:
            return self.tex
        return f"\\[{self.tex}\\]" if self.display else f"\\({self.tex}\\)"


def allowed(tex: str) -> bool:
    """Return whether TeX has allowed commands only, and balanced braces."""
    if len(tex) > LONGEST:
        return False
    deep = 0
    for token in _TOKEN.finditer(tex):
        if token["refused"] or token["command"] not in _COMMANDS:
            return False
        if token["environment"] not in _ENVIRONMENTS:
            return False
        deep += bool(token["open"]) - bool(token["close"])
        if not 0 <= deep <= DEEPEST:
            return False
    return deep == 0


def read(text: str, at: int, stop: int | None = None) -> Formula | None:
    """Return the formula that starts at ``at`` and ends before ``stop``, or None."""
    opening = _OPENING.match(text, at)
    if opening is None:
        return None
    stop = min(len(text) if stop is None else stop, at + LONGEST)
    word, start = opening.group(), opening.end()
    if word == "$":
        return _dollars(text, at, stop)
    if opening[1] is not None:
        return _environment(text, at, opening[1], stop)
    closing = _CLOSING.get(word)
    end = -1 if closing is None else text.find(closing, start, stop)
    if closing is None or end < 0 or not text[start:end].strip():
        return None
    if word == "$$" and text.startswith("$", end + 2):
        return None
    stop = end + len(closing)
    tex = text[start:end].strip()
    return Formula(tex, text[at:stop], stop, display=word != "\\(")


def _dollars(text: str, at: int, stop: int) -> Formula | None:
    """Read ``$…$`` by pandoc's rule, excluding prices and shell variables."""
    end = at + 1
    while (end := text.find("$", end, stop)) > 0 and _escaped(text, end):
        end += 1
    if end < 0:
        return None
    tex, before, after = text[at + 1 : end], text[at - 1 : at], text[end + 1 : end + 2]
    spaced = tex[:1].isspace() or tex[-1:].isspace()
    if not tex or spaced or before.isdigit() or after.isdigit() or after == "$":
        return None
    if tex[0] == ")" or tex[-1] in "([{" or "\n\n" in tex or "`" in tex:
        return None
    if _VARIABLE_NEXT.match(after) and _ENDS_IN_SIGN.search(tex):
        return None
    return Formula(tex, text[at : end + 1], end + 1, display=False)


def _escaped(text: str, at: int) -> bool:
    before = text[max(0, at - LONGEST) : at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _environment(text: str, at: int, name: str, stop: int) -> Formula | None:
    if name not in _ENVIRONMENTS:
        return None
    deep = 0
    edges = re.compile(rf"\\(begin|end)\{{{re.escape(name)}\}}")
    if text.find(f"\\end{{{name}}}", at, stop) < 0:
        return None
    for edge in edges.finditer(text, at, stop):
        deep += 1 if edge[1] == "begin" else -1
        if deep == 0:
            tex = text[at : edge.end()]
            return Formula(tex, tex, edge.end(), display=True, bare=True)
    return None


def formula_rules(parser: "MarkdownIt") -> None:
    """Make a Markdown parser recognize formulas.

    Tokens ``formula_inline`` and ``formula_block`` have the :class:`Formula` in meta.
    """
    inside = ["paragraph", "reference", "blockquote", "list"]
    parser.block.ruler.before("fence", "formula", _read_block, {"alt": inside})
    parser.inline.ruler.before("escape", "formula", _read_inline)


def _read_inline(state: "StateInline", silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    found = read(state.src, state.pos, state.posMax)
    if found is None:
        return _skip_dollars(state, silent=silent)
    if not silent:
        _push(state.push, found, "formula_inline")
    state.pos = found.stop
    return True


def _skip_dollars(state: "StateInline", *, silent: bool) -> bool:
    """Skip a run of dollars that starts no formula, so none starts inside it."""
    run = _OPENING.match(state.src, state.pos)
    if run is None or not run.group().startswith("$$"):
        return False
    if not silent:
        state.pending += run.group()
    state.pos = min(run.end(), state.posMax)
    return True


def _read_block(state: "StateBlock", line: int, end_line: int, silent: bool) -> bool:
    """Read a formula that has its first and last line to itself."""
    start = state.bMarks[line] + state.tShift[line]
    if state.sCount[line] - state.blkIndent >= 4:
        return False
    if not state.src.startswith(("$$", "\\[", "\\begin{"), start):
        return False
    found = read(state.src, start, state.eMarks[end_line - 1])
    if found is None or not found.display:
        return False
    last = line
    while state.eMarks[last] < found.stop:
        last += 1
        if state.sCount[last] < state.blkIndent and not state.isEmpty(last):
            return False
    if state.src[found.stop : state.eMarks[last]].strip(" \t.,;。，；"):
        return False
    if not silent:
        _push_block(state, line, last, found)
    state.line = last + 1
    return True


def _push_block(state: "StateBlock", line: int, last: int, found: Formula) -> None:
    """Push a formula, without the list or quote markers of its lines."""
    source = state.getLines(line, last + 1, state.blkIndent, False).strip()
    inner = read(source, 0)
    token = _push(state.push, inner or found, "formula_block")
    token.map = [line, last + 1]
    token.block = True


def _push(push: Callable[..., "Token"], found: Formula, kind: str) -> "Token":
    token = push(kind, "math", 0)
    token.content, token.meta = found.tex, {"formula": found}
    return token
