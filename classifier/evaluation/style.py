"""How the page of a report looks, on a desk and on a phone, light and dark."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--bg:#fbfaf8;--paper:#fff;--ink:#1f2428;--soft:#6a737c;--line:#e4e1dc;--right:#2f7d6d;
--wrong:#c2552d}
@media(prefers-color-scheme:dark){:root{--bg:#15181a;--paper:#1d2124;--ink:#e6e4e0;--soft:#98a1a8;--line:#32383c;
--right:#4fb09b;--wrong:#e0774d}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
font-variant-numeric:tabular-nums;overflow-wrap:break-word}
main{max-width:70rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .8rem;letter-spacing:-.015em}
h2{font-size:1.4rem;margin:0;letter-spacing:-.01em}
h3{font-size:1.02rem;margin:2.2rem 0 .5rem}
p{margin:.35rem 0;max-width:46rem}
header p,.lead,.note,figcaption,p{color:var(--soft)}
header b,figcaption b,p b{color:var(--ink)}
code{font:.85rem/1.5 ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}
section{margin-top:2.5rem;padding-top:2rem;border-top:1px solid var(--line)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(7.4rem,1fr));gap:.7rem;margin:1.2rem 0}
.card{background:var(--paper);border:1px solid var(--line);border-radius:.7rem;padding:.75rem .9rem}
.card h4{margin:0;font-size:.82rem;font-weight:500;color:var(--soft)}
.card strong{display:block;white-space:nowrap;font-size:1.55rem;line-height:1.35;font-weight:600;letter-spacing:-.02em}
.card small{font-size:.78rem;font-weight:400;letter-spacing:0}
.card span,td small,th small{color:var(--soft);font-size:.78rem}
td:first-child small{display:block}.gap{visibility:hidden}
.scroll{overflow-x:auto;-webkit-overflow-scrolling:touch}
table{border-collapse:collapse;background:var(--paper);border:1px solid var(--line);font-size:.9rem;margin:.4rem 0}
th,td{padding:.42rem .8rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th{font-weight:500;color:var(--soft);font-size:.82rem;vertical-align:bottom}
.many th{white-space:normal;line-height:1.25;max-width:6.2rem}.many th,.many td{padding:.42rem .55rem}
th.w,td.w{text-align:left}
th.w:first-child,td.w:first-child{position:sticky;left:0;background:var(--paper)}
td.w+td.w{white-space:normal;min-width:14rem}
tbody tr:last-child td,tfoot tr:last-child td{border-bottom:0}
tfoot td{border-top:1px solid var(--line);font-weight:600}
tfoot small{font-weight:400}
tfoot tr+tr td{font-weight:400;color:var(--soft)}
.pair{display:flex;flex-wrap:wrap;gap:0 2.5rem;align-items:flex-start}
.pair>*{min-width:0;max-width:100%}
figure{margin:1.1rem 0}
figcaption{font-size:.88rem;margin-bottom:.3rem}
svg{display:block;height:auto}
svg.wide{width:100%;min-width:560px;max-width:900px;background:var(--paper);
border:1px solid var(--line);border-radius:.5rem}
svg text{font-size:11px;fill:var(--ink)}
svg .axis{fill:var(--soft)}
svg .band{font-size:10.5px;fill:#14181b}
svg .small{font-size:9.5px;fill:var(--soft)}
svg .right{fill:var(--right)}
svg .wrong{fill:var(--wrong)}
svg .empty{fill:var(--soft)}
svg .count{fill:var(--soft);fill-opacity:.45}
svg .cell.strong{fill:#fff}
svg .rule{stroke:var(--line)}
svg .dashed{stroke:var(--soft);stroke-dasharray:3 3}
svg .share{fill:none;stroke:var(--ink);stroke-width:1.2;stroke-opacity:.75}
details{margin:1.2rem 0;border-top:1px solid var(--line);padding-top:.7rem}
summary{cursor:pointer;font-weight:600}
summary span{font-weight:400;color:var(--soft);margin-left:.4rem;font-size:.88rem}
ul{padding-left:1.2rem;color:var(--soft)}
@media(max-width:40rem){main{padding:1.5rem .9rem 3rem}h1{font-size:1.5rem}
.cards{grid-template-columns:repeat(2,1fr)}th,td{padding:.36rem .5rem}table{font-size:.86rem}
td.w:first-child{max-width:9.5rem;white-space:normal}}
@media print{body{background:#fff}details{display:block}.card,table{break-inside:avoid}}
""".strip().replace("\n", "")
