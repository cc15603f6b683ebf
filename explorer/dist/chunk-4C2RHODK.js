function e(n){if(n===void 0)return"";let r=/^[=+\-@\t\r']/.test(n)?`'${n}`:n;return/[",\r\n]/.test(r)?`"${r.replaceAll('"','""')}"`:r}function i(n,r){return[n,...r].map(t=>`${t.map(e).join(",")}\r
`).join("")}export{i as a};
