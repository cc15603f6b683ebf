import{a}from"./chunk-45ASC2U7.js";import"./chunk-745DLLTG.js";import"./chunk-GSANZVT4.js";import"./chunk-XSEPS4SE.js";import"./chunk-RFA444CI.js";import"./chunk-WJEUMCJX.js";export{a as Empty};
