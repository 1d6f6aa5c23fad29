// The page's looks: light, dark, and on paper. Colour never says anything alone: what it shades has a
// lane with its name.

enum RunStyle {
    static let css = """
        :root{--paper:#fbfcfd;--card:#ffffff;--ink:#1c2630;--soft:#5c6975;--faint:#e3e8ed;--plot:#f5f7f9;--line:#cfd7de;--blue:#1f5fa8;--amber:#d9882b;--green:#257a61;--green-soft:#dff0ea;--red:#c03a26;--red-soft:#f6d9d3;--yellow:#e9c46a;--gray:#93a1ad}
        @media(prefers-color-scheme:dark){:root{--paper:#11161b;--card:#181f26;--ink:#e6ebf0;--soft:#9aa8b5;--faint:#2a343d;--plot:#1d252d;--line:#35414c;--blue:#6fb1ff;--amber:#e8a04a;--green:#5cc2a0;--green-soft:#1b372f;--red:#ff7a62;--red-soft:#4a2420;--yellow:#b98f2f;--gray:#6d7b88}}
        *{box-sizing:border-box}html{background:var(--paper);color:var(--ink);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
        body{margin:0}main{max-width:1120px;margin:0 auto;padding:32px 24px 48px}.definitions{position:absolute}
        .kicker{margin:0;color:var(--soft);font-size:13px;letter-spacing:.02em}h1{font-size:34px;line-height:1.15;margin:2px 0 14px;letter-spacing:-.01em}
        dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(230px,1fr));gap:10px 28px;margin:0;padding:14px 0 0;border-top:2px solid var(--ink)}dt{color:var(--soft);font-size:12px}dd{margin:0}
        h2{font-size:20px;margin:44px 0 12px;padding-bottom:6px;border-bottom:1px solid var(--line)}h3{font-size:16px;margin:0}
        code{font:13px ui-monospace,"SF Mono",Menlo,Consolas,monospace}small{color:var(--soft);font-size:12px}strong.bad{color:var(--red)}
        .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(160px,1fr));gap:12px;margin-top:24px}
        .tile{background:var(--card);border:1px solid var(--faint);border-radius:8px;padding:12px 14px}.tile h3{font-size:13px;font-weight:500;color:var(--soft)}.tile p{margin:2px 0 0;font-size:13px;color:var(--soft);overflow-wrap:anywhere}
        .tile p.figure{font-size:27px;font-weight:600;line-height:1.2;color:var(--ink);margin:2px 0}.tile p.figure.good{color:var(--green)}.tile p.figure.bad{color:var(--red)}.tile svg{display:block;width:100%;margin:4px 0 0}
        article{margin:0 0 34px}.facts{margin:2px 0 6px;color:var(--soft);font-size:13px}figure{margin:0;padding:8px 0 0}figure svg{display:block;width:100%;height:auto;overflow:visible}
        figcaption,.note,footer{color:var(--soft);font-size:13px;margin:6px 0 0}footer{margin-top:48px;padding-top:10px;border-top:1px solid var(--line)}
        .legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:0 0 2px;font-size:12px;color:var(--soft);justify-content:flex-end}.key{display:inline-block;width:22px;height:0;vertical-align:middle;margin-right:6px;border-top:2px solid var(--blue)}
        .truth-key{border-top:6px solid var(--amber);opacity:.55}.setpoint-key{border-top:2px dashed var(--ink)}.allowed-key{height:10px;border:0;background:var(--green-soft)}
        svg text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:var(--ink)}svg path{fill:none}
        .plot{fill:var(--plot)}.grid{stroke:var(--faint)}.tick,.lane-name{fill:var(--soft)}.tick-line{stroke:var(--line)}.boot{stroke:var(--gray);stroke-dasharray:2 3}
        .allowed{fill:var(--green-soft)}.never{fill:url(#never)}.never-line{stroke:var(--red);stroke-width:1.6;opacity:.28}.limit{stroke:var(--red);stroke-width:1.4}.limit-text{fill:var(--red);font-weight:600}.least{stroke:var(--green);stroke-dasharray:1 3}
        .reached{fill:var(--green)}.reached.over{fill:var(--red)}
        .position{stroke:var(--blue);stroke-width:1.7;stroke-linejoin:round}.truth{stroke:var(--amber);stroke-width:5;stroke-linejoin:round;opacity:.55}.truth-thin{stroke:var(--amber);stroke-width:1.6}.doubtful{stroke:var(--gray);stroke-width:1.4;stroke-dasharray:1 3}.setpoint{stroke:var(--ink);stroke-width:1.3;stroke-dasharray:5 4}
        .shade-tripped{fill:var(--red);opacity:.13}.shade-faulted{fill:var(--red);opacity:.2}.shade-unsupervised{fill:var(--yellow);opacity:.3}.shade-bypassed{fill:var(--yellow);opacity:.2}.shade-leased,.shade-deviating{fill:none}.shade-unknown{fill:var(--gray);opacity:.22}
        .lane{fill:var(--plot)}.bar{fill:var(--gray)}.bar.plain{fill:var(--line)}.bar.tripped,.bar.faulted,.bar.fault,.bar.bad{fill:var(--red)}.bar.unsupervised,.bar.unknown,.bar.bypassed{fill:var(--yellow)}.bar.leased{fill:var(--line)}.bar.good{fill:var(--green)}
        .bar-text{font-size:9.5px}.tripped-text,.faulted-text,.fault-text,.bad-text,.good-text{fill:var(--card)}
        .stroke{stroke-width:2}.stroke.bad{stroke:var(--red)}.stroke.warn{stroke:var(--amber)}.stroke.good{stroke:var(--green)}.stroke.note{stroke:var(--gray)}
        .marker-line{stroke:var(--red);stroke-width:1;opacity:.7}.marker circle{fill:var(--red)}.marker.fault circle{fill:var(--amber)}.marker.fault .marker-line{stroke:var(--amber)}.marker-text{fill:#fff;font-size:10px;font-weight:700}
        .table{overflow-x:auto;margin:8px 0 0}table{border-collapse:collapse;width:100%;font-size:13px}th{text-align:left;font-weight:500;color:var(--soft);font-size:12px}th,td{padding:4px 14px 4px 0;border-bottom:1px solid var(--faint);vertical-align:top;overflow-wrap:break-word}td:first-child{white-space:nowrap}tr.strong td{background:var(--plot)}tr.more td{text-align:center;color:var(--soft)}
        .outcome{font-weight:600}.outcome.good{color:var(--green)}.outcome.bad{color:var(--red)}.number{display:inline-block;min-width:18px;padding:0 4px;border-radius:9px;text-align:center;font-size:11px;font-weight:700;line-height:18px;color:#fff;background:var(--red)}.number.fault{background:var(--amber)}
        @media print{:root{--paper:#fff;--card:#fff;--ink:#000;--soft:#444;--faint:#ddd;--plot:#f6f6f6;--line:#bbb;--blue:#1f5fa8;--amber:#d9882b;--green:#257a61;--green-soft:#dff0ea;--red:#c03a26;--yellow:#e9c46a;--gray:#888}html{font-size:11px;print-color-adjust:exact;-webkit-print-color-adjust:exact}main{max-width:none;padding:0}article,figure,.tile,tr{break-inside:avoid}h2,h3{break-after:avoid}.table{overflow:visible}@page{margin:14mm}}
        """
}
