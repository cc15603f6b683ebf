import{a}from"./chunk-M5UOPGER.js";import"./chunk-JREKWVRL.js";import"./chunk-745DLLTG.js";import"./chunk-GYV42OBI.js";export{a as Empty};
