import{a}from"./chunk-JJCP3NPR.js";import"./chunk-745DLLTG.js";import"./chunk-YXMCIRXO.js";import"./chunk-6YJHAXI5.js";import"./chunk-ZQJD2U37.js";import"./chunk-G4TGWRZN.js";export{a as Empty};
