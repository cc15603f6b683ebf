// The keys that sign the checkpoints of the log: one, and for a while the one before it. They never leave KMS, only the sequencer may
// sign with them, and nobody but the break-glass role and the deployment role can make them unusable.

import { Duration, Stack } from "aws-cdk-lib";
import { AnyPrincipal, Effect, type IGrantable, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Key, KeySpec, KeyUsage } from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";
import { protectKey } from "./key.ts";
import { removalOf } from "./removal.ts";
import type { Settings } from "./settings.ts";

export interface LogKeyProps {
  readonly settings: Settings;
  /** Which key it is, from 1. */
  readonly number: number;
  /** The role of the one function that signs, by its ARN. */
  readonly signer: string;
  /** The roles that may make the key unusable, by their ARNs. */
  readonly masters: readonly string[];
}

/** The key and its policy. */
export class LogKey extends Construct {
  readonly key: Key;

  constructor(scope: Construct, { settings, number, signer, masters }: LogKeyProps) {
    // The first one has no number.
    const suffix = number === 1 ? "" : `${number}`;
    super(scope, `SigningKey${suffix}`);
    this.key = new Key(this, "Key", {
      alias: `alias/${Stack.of(this).stackName}-log${suffix && `-${suffix}`}`,
      description: "Signs the checkpoints of the product ledger's log",
      keySpec: KeySpec.ECC_NIST_EDWARDS25519,
      keyUsage: KeyUsage.SIGN_VERIFY,
      pendingWindow: Duration.days(settings.keepData ? 30 : 7),
      removalPolicy: removalOf(settings),
    });
    protectKey(this.key, masters);
    this.key.addToResourcePolicy(
      new PolicyStatement({
        sid: "OneSigner",
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ["kms:Sign"],
        resources: ["*"],
        conditions: { ArnNotEquals: { "aws:PrincipalArn": signer } },
      }),
    );
  }

  /** Grants signing a checkpoint, its text itself by Ed25519, and reading the public key. */
  grantSign(grantee: IGrantable): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ["kms:Sign"],
        resources: [this.key.keyArn],
        conditions: { StringEquals: { "kms:MessageType": "RAW", "kms:SigningAlgorithm": "ED25519_SHA_512" } },
      }),
    );
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: ["kms:GetPublicKey"], resources: [this.key.keyArn] }),
    );
  }
}
