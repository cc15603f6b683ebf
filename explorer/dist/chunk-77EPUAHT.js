function t(r){return`'${r.replaceAll("'","'\\''")}'`}export{t as a};
