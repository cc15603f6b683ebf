// A bucket whose objects nobody can change or remove for a time, the root of the account included. It is encrypted with S3's own
// keys: what it holds has to be readable when the ledger's key is not.

import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { AnyPrincipal, Effect, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectLockRetention } from "aws-cdk-lib/aws-s3";
import type { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";

export interface LockedBucketProps {
  /** Days for which each object is locked. */
  readonly days: number;
  /** Whether objects are removed after these days. */
  readonly expire: boolean;
  /**
   * Whether the bucket locks each object as it arrives. S3 then demands a checksum of each upload; a service of which it is
   * not known that it sends one gets a bucket without, and its objects are locked afterwards.
   */
  readonly onArrival: boolean;
}

/** Creates the bucket. It stays when the stack is deleted. */
export function lockedBucket(scope: Construct, id: string, { days, expire, onArrival }: LockedBucketProps): Bucket {
  const bucket = new Bucket(scope, id, {
    encryption: BucketEncryption.S3_MANAGED,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    enforceSSL: true,
    versioned: true,
    objectLockEnabled: true,
    ...(onArrival && { objectLockDefaultRetention: ObjectLockRetention.compliance(Duration.days(days)) }),
    lifecycleRules: [
      ...(expire ? [{ expiration: Duration.days(days + 1), noncurrentVersionExpiration: Duration.days(1) }] : []),
      { abortIncompleteMultipartUploadAfter: Duration.days(7) },
    ],
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  });
  bucket.addToResourcePolicy(
    new PolicyStatement({
      sid: "NothingIsRemoved",
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: ["s3:DeleteObject", "s3:DeleteObjectVersion"],
      resources: [bucket.arnForObjects("*")],
    }),
  );
  acknowledge(bucket, ["AwsSolutions-S1"], "CloudTrail records who changes the bucket; its objects cannot be changed.");
  return bucket;
}
