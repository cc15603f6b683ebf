import{a}from"./chunk-QJUY4AHK.js";import"./chunk-745DLLTG.js";import"./chunk-YXMCIRXO.js";import"./chunk-B7UI63TK.js";import"./chunk-ZQJD2U37.js";import"./chunk-G4TGWRZN.js";export{a as Empty};
