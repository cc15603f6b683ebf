"""Deploys the stack as on AWS: synthesized by `cdk`, assets uploaded to its bucket, created by CloudFormation. Before the upload
the template is transformed by infra/ministack."""

import io
import json
import os
import subprocess
import time
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import boto3

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
#: Timeout for creating the stack.
CREATES = 180
#: A domain of the API: another way to write 127.0.0.1, the endpoint of all services, so that no name needs to be resolved.
DOMAIN = "127.1"
#: Its base path.
BASE_PATH = "shop"
#: The parameter with the version that `cdk bootstrap` creates in an account.
BOOTSTRAPPED = {"Name": "/cdk-bootstrap/hnb659fds/version", "Value": "30", "Type": "String"}


class Deployment:
    """The synthesized template, the deployed one, and the name of the stack."""

    def __init__(self, binaries, folder, environment):
        """Synthesizes the dev stage with the functions of the folder `binaries`."""
        self.folder = Path(folder)
        synthesize = ["npx", "--no-install", "cdk", "synth", "--quiet", "-o", self.folder, "-c", "stage=dev"]
        subprocess.run([*synthesize, "-c", f"binaries={binaries}"], cwd=INFRA, env=environment, check=True)
        self.synthesized = _json(self.folder / "ledger.template.json")
        transform = ["npx", "--no-install", "tsx", "ministack/main.ts"]
        whole = json.dumps(self.synthesized)
        made = subprocess.run(transform, cwd=INFRA, env=environment, input=whole, text=True, stdout=subprocess.PIPE, check=True)
        self.deployed = json.loads(made.stdout)
        self.name = _json(self.folder / "manifest.json")["artifacts"]["ledger"]["properties"]["stackName"]

    def create(self):
        """Uploads the assets and creates the stack; raises CloudFormation's reasons on failure."""
        boto3.client("ssm").put_parameter(**BOOTSTRAPPED)
        self._upload()
        cloudformation = boto3.client("cloudformation")
        cloudformation.create_stack(
            StackName=self.name, TemplateURL=self._put_template(), Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
        )
        until = time.monotonic() + CREATES
        while (status := self._status(cloudformation)).endswith("_IN_PROGRESS") and time.monotonic() < until:
            time.sleep(0.5)
        if status != "CREATE_COMPLETE":
            raise SystemExit(f"the stack is {status}\n" + "\n".join(_failures(cloudformation, self.name)))

    def urls(self):
        """Two URLs of the API: below the stage, as at the address that API Gateway assigns, and below the base path of a domain.
        The stack's own URL only resolves on AWS."""
        resources = boto3.client("cloudformation").describe_stack_resources(StackName=self.name)["StackResources"]
        ids = {resource["ResourceType"]: resource["PhysicalResourceId"] for resource in resources}
        api, stage = ids["AWS::ApiGateway::RestApi"], ids["AWS::ApiGateway::Stage"]
        gateway = boto3.client("apigateway")
        gateway.create_domain_name(domainName=DOMAIN)
        # A mapping without a stage takes the stage from the path, as the assigned address does.
        gateway.create_base_path_mapping(domainName=DOMAIN, restApiId=api)
        gateway.create_base_path_mapping(domainName=DOMAIN, restApiId=api, stage=stage, basePath=BASE_PATH)
        port = urlsplit(os.environ["AWS_ENDPOINT_URL"]).port
        return tuple(f"http://{DOMAIN}:{port}/{before}" for before in (stage, BASE_PATH))

    def _status(self, cloudformation):
        return cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"]

    def _upload(self):
        s3 = boto3.client("s3")
        self.bucket = None
        for file in _json(self.folder / "ledger.assets.json")["files"].values():
            [place] = file["destinations"].values()
            bucket = _resolved(place["bucketName"])
            if self.bucket is None:
                s3.create_bucket(Bucket=bucket)
                self.bucket = bucket
            source = self.folder / file["source"]["path"]
            body = _zipped(source) if file["source"]["packaging"] == "zip" else source.read_bytes()
            s3.put_object(Bucket=bucket, Key=place["objectKey"], Body=body)

    def _put_template(self):
        key = "transformed.template.json"
        boto3.client("s3").put_object(Bucket=self.bucket, Key=key, Body=json.dumps(self.deployed))
        return f"{os.environ['AWS_ENDPOINT_URL']}/{self.bucket}/{key}"


def _resolved(name):
    account = boto3.client("sts").get_caller_identity()["Account"]
    return name.replace("${AWS::AccountId}", account).replace("${AWS::Region}", os.environ["AWS_REGION"])


def _zipped(folder):
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(folder.rglob("*")):
            # With its mode, since a function must be executable.
            archive.write(file, file.relative_to(folder))
    return zipped.getvalue()


def _failures(cloudformation, name):
    for event in cloudformation.describe_stack_events(StackName=name)["StackEvents"]:
        if event["ResourceStatus"].endswith("FAILED"):
            yield f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"


def _json(file):
    return json.loads(file.read_text())
