import{Aa as p,B as w,Ua as $,Wa as E,a as l,b as h,eb as y,ga as m,gb as q,u as g,va as b,w as f,ya as e}from"./chunk-GYV42OBI.js";var C=[["curl","curl"],["typescript","TypeScript"],["python","Python"]];function S(n,t,r){if(n==="typescript"){let o=r?", { headers: { authorization: `Bearer ${process.env.LEDGER_TOKEN}` } }":"";return`const answer = await fetch(${JSON.stringify(t)}${o});
if (!answer.ok) throw new Error(await answer.text());
console.log(await answer.json());`}let a=r?`request.add_header("authorization", "Bearer " + os.environ["LEDGER_TOKEN"])
`:"";return`import json, ${r?"os, ":""}urllib.request

request = urllib.request.Request(${JSON.stringify(t)})
${a}with urllib.request.urlopen(request) as answer:
    print(json.load(answer))`}function k(n,t,r,{version:a,price:o,currency:s}){let i=JSON.stringify({price:o,currency:s});if(n==="curl")return`curl -s -X PATCH${r?' -H "Authorization: Bearer $LEDGER_TOKEN"':""} ${y(t)} -H 'content-type: application/json' -H 'if-match: "${a}"' -H "idempotency-key: $(uuidgen)" -d ${y(i)}`;if(n==="typescript"){let c=r?"\n    authorization: `Bearer ${process.env.LEDGER_TOKEN}`,":"";return`const answer = await fetch(${JSON.stringify(t)}, {
  method: "PATCH",
  headers: {
    "content-type": "application/json",
    "if-match": '"${a}"',
    "idempotency-key": crypto.randomUUID(),${c}
  },
  body: JSON.stringify(${i}),
});
if (!answer.ok) throw new Error(await answer.text());
console.log(await answer.json());`}let u=r?`
    "authorization": "Bearer " + os.environ["LEDGER_TOKEN"],`:"";return`import json, ${r?"os, ":""}urllib.request, uuid

request = urllib.request.Request(${JSON.stringify(t)}, method="PATCH", data=json.dumps(${i}).encode(), headers={
    "content-type": "application/json",
    "if-match": '"${a}"',
    "idempotency-key": str(uuid.uuid4()),${u}
})
with urllib.request.urlopen(request) as answer:
    print(json.load(answer))`}var N=200,x=2e4;function J({path:n}){let t=E(`raw ${n}`,u=>f(n,{signal:u})),[r,a]=h(!1);if(t.error!==void 0)return e($,{error:t.error,retry:t.reload});if(t.data===void 0)return null;let o=t.data,s=o.split(`
`).slice(0,N).join(`
`).slice(0,x),i=!r&&s.length<o.length;return e(l,{children:[e("pre",{class:"raw",tabIndex:0,"aria-label":"The product as JSON",children:i?`${s}…`:o}),e("p",{class:"links",children:[e(p,{text:o,kind:"link",told:"The answer is copied.",children:"Copy the JSON"}),i?e("button",{type:"button",class:"as-link",onClick:()=>a(!0),children:["Show all ",b(o.length)," characters"]}):null]})]})}function D({product:n,path:t}){let[r,a]=h("curl"),o=m.value.mode!=="open",s=g(t),i=g(w(n.id)),u=r==="curl"?q(t):S(r,s,o),c=k(r,i,o,n);return e(l,{children:[e("div",{class:"switch",role:"group","aria-label":"Language",children:C.map(([d,L])=>e("button",{type:"button","aria-pressed":d===r,onClick:()=>a(d),children:L},d))}),e("h3",{children:"Read it"}),e("pre",{class:"raw",tabIndex:0,"aria-label":"A request that reads the product",children:u}),e(p,{text:u,kind:"link",told:"The request is copied.",children:"Copy"}),n.status==="active"?e(l,{children:[e("h3",{children:["Change it, if it is still at version ",n.version]}),e("pre",{class:"raw",tabIndex:0,"aria-label":"A request that changes the product",children:c}),e(p,{text:c,kind:"link",told:"The request is copied, with the version that you see.",children:"Copy"})]}):null]})}export{D as ProductCode,J as RawProduct};
