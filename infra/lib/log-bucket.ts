// The bucket with the files of the log, under the paths at which outsiders read them. Only the sequencer writes, and each write has a
// condition: a file that is there is never replaced, and a checkpoint only by whoever has seen the one before. The sequencer locks
// full tiles, full bundles and one checkpoint an hour. The bucket is encrypted with S3's own keys: a log has to be readable
// when the ledger's key is not, and holds hashes alone.

import { Duration, Stack } from "aws-cdk-lib";
import {
  AnyPrincipal,
  Effect,
  type IGrantable,
  type ManagedPolicy,
  PolicyStatement,
  type Role,
} from "aws-cdk-lib/aws-iam";
import { BlockPublicAccess, Bucket, BucketEncryption, type CfnBucket } from "aws-cdk-lib/aws-s3";
import { Construct, type IConstruct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import { removalOf } from "./removal.ts";
import type { Settings } from "./settings.ts";

/** The newest checkpoint, the only object that is replaced. */
const CHECKPOINT = "checkpoint";
/** Files that are removed once the full one in their place is there. */
const PARTIAL = "tile/*.p/*";

export interface LogBucketProps {
  readonly settings: Settings;
  /** The role of the one function that writes, by its ARN. */
  readonly writer: string;
}

/** The bucket and its policy. */
export class LogBucket extends Construct {
  readonly bucket: Bucket;
  private readonly settings: Settings;

  constructor(scope: Construct, { settings, writer }: LogBucketProps) {
    super(scope, "Files");
    this.settings = settings;
    if (settings.logRetention && !settings.keepData) {
      throw new Error(
        `logRetention: the bucket of ${settings.stage} could not be deleted with its stack before the lock ends`,
      );
    }
    this.bucket = new Bucket(this, "Bucket", {
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      versioned: true,
      // Without a default: partial files and the newest checkpoint must not be locked.
      objectLockEnabled: true,
      lifecycleRules: [
        {
          // Of partial files that were removed and checkpoints that were replaced. What is locked stays until its lock ends.
          noncurrentVersionExpiration: Duration.days(1),
          expiredObjectDeleteMarker: true,
          abortIncompleteMultipartUploadAfter: Duration.days(7),
        },
      ],
      removalPolicy: removalOf(settings),
      autoDeleteObjects: !settings.keepData,
    });
    this.deny("OneWriter", "s3:PutObject", { ArnNotEquals: { "aws:PrincipalArn": writer } });
    this.deny("NothingIsReplaced", "s3:PutObject", { Null: { "s3:if-none-match": "true" } }, { but: CHECKPOINT });
    const unconditional = { Null: { "s3:if-match": "true", "s3:if-none-match": "true" } };
    this.deny("CheckpointsFollowOneAnother", "s3:PutObject", unconditional, { only: CHECKPOINT });
    if (settings.keepData) {
      this.deny("OnlyPartialFilesAreRemoved", "s3:DeleteObject", undefined, { but: PARTIAL });
      this.deny("NoVersionIsRemoved", "s3:DeleteObjectVersion");
    }
    acknowledge(
      this.bucket,
      ["AwsSolutions-S1"],
      "CloudTrail records who changes the bucket; whoever changes its files is found by the files themselves.",
    );
  }

  get name(): string {
    return this.bucket.bucketName;
  }

  /** Grants reading every file. Without the list S3 answers 403 for a file that is not there. */
  grantRead(grantee: Role | ManagedPolicy): void {
    this.allow(grantee, ["s3:GetObject"], this.bucket.arnForObjects("*"));
    this.allow(grantee, ["s3:ListBucket"], this.bucket.bucketArn);
    this.accept(grantee, "*");
  }

  /** Grants writing files, locked ones where the stage has them, and removing partial ones. */
  grantWrite(grantee: Role): void {
    const locking = this.settings.logRetention ? ["s3:PutObjectRetention"] : [];
    this.allow(grantee, ["s3:PutObject", ...locking], this.bucket.arnForObjects("*"));
    this.allow(grantee, ["s3:DeleteObject"], this.bucket.arnForObjects(PARTIAL));
    this.accept(grantee, PARTIAL);
  }

  private allow(grantee: IGrantable, actions: string[], resource: string): void {
    grantee.grantPrincipal.addToPrincipalPolicy(new PolicyStatement({ actions, resources: [resource] }));
  }

  private accept(grantee: IConstruct, objects: string): void {
    const id = Stack.of(this).getLogicalId(this.bucket.node.defaultChild as CfnBucket);
    acknowledge(
      grantee,
      [`AwsSolutions-IAM5[Resource::<${id}.Arn>/${objects}]`],
      "The files of a log have the paths that follow from its size.",
    );
  }

  private deny(
    sid: string,
    action: string,
    conditions?: Record<string, Record<string, string>>,
    objects: { only: string } | { but: string } = { only: "*" },
  ): void {
    this.bucket.addToResourcePolicy(
      new PolicyStatement({
        sid,
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: [action],
        ...("only" in objects
          ? { resources: [this.bucket.arnForObjects(objects.only)] }
          : { notResources: [this.bucket.arnForObjects(objects.but)] }),
        ...(conditions && { conditions }),
      }),
    );
  }
}
