// The rules of AWS's managed groups, by their names in the WAF developer guide ("Baseline rule groups"), and which of them block.
//
// AWS does not publish the patterns, so a rule blocks only if the part of a request that it looks at cannot hold in a valid
// request what the rule is for. Bodies and queries hold any text; so do headers (keys, correlation ids) and cookies, which the
// ledger ignores. The path holds product ids, whose characters are few: `settings.ini` and `169.254.169.254` are among them,
// `<`, `:`, `$` and `/` are not.

/** A managed group. */
export interface ManagedGroup {
  readonly name: string;
  /** The beginning of its labels. */
  readonly labels: string;
  /** Every rule: the end of its label if it blocks, otherwise `undefined`. */
  readonly rules: Readonly<Record<string, string | undefined>>;
}

const counts = undefined;

/** The groups whose rules look at the content of requests. */
export const GROUPS: readonly ManagedGroup[] = [
  {
    name: "AWSManagedRulesCommonRuleSet",
    labels: "awswaf:managed:aws:core-rule-set:",
    rules: {
      NoUserAgent_HEADER: counts, // The interface requires no user agent.
      UserAgent_BadBots_HEADER: "BadBots_Header",
      SizeRestrictions_QUERYSTRING: counts, // Above 2 KB; a cursor and a filter together can be longer.
      SizeRestrictions_Cookie_HEADER: counts,
      SizeRestrictions_BODY: counts, // Above 8 KB; our own rule blocks above 64 KB.
      SizeRestrictions_URIPATH: "SizeRestrictions_URIPath", // Above 1 KB.
      EC2MetaDataSSRF_BODY: counts,
      EC2MetaDataSSRF_COOKIE: counts,
      EC2MetaDataSSRF_URIPATH: counts, // 169.254.169.254 is a product id.
      EC2MetaDataSSRF_QUERYARGUMENTS: counts,
      GenericLFI_QUERYARGUMENTS: counts,
      GenericLFI_URIPATH: counts, // A product id may end in two dots, and a path goes on with a slash.
      GenericLFI_BODY: counts,
      RestrictedExtensions_URIPATH: counts, // settings.ini and build.log are product ids.
      RestrictedExtensions_QUERYARGUMENTS: counts,
      GenericRFI_QUERYARGUMENTS: counts,
      GenericRFI_BODY: counts,
      GenericRFI_URIPATH: "GenericRFI_URIPath",
      CrossSiteScripting_COOKIE: counts,
      CrossSiteScripting_QUERYARGUMENTS: counts,
      CrossSiteScripting_BODY: counts,
      CrossSiteScripting_URIPATH: "CrossSiteScripting_URIPath",
    },
  },
  {
    name: "AWSManagedRulesKnownBadInputsRuleSet",
    labels: "awswaf:managed:aws:known-bad-inputs:",
    rules: {
      JavaDeserializationRCE_HEADER: counts, // An Idempotency-Key is any visible ASCII.
      JavaDeserializationRCE_BODY: counts,
      JavaDeserializationRCE_URIPATH: counts, // java.lang.Runtime is a product id.
      JavaDeserializationRCE_QUERYSTRING: counts,
      Host_localhost_HEADER: "Host_Localhost_Header",
      PROPFIND_METHOD: "Propfind_Method",
      ExploitablePaths_URIPATH: counts, // web-inf and .git are product ids.
      Log4JRCE_HEADER: counts, // An Idempotency-Key is any visible ASCII.
      Log4JRCE_QUERYSTRING: counts,
      Log4JRCE_BODY: counts,
      Log4JRCE_URIPATH: "Log4JRCE_URIPath",
      ReactJSRCE_BODY: counts,
    },
  },
];
