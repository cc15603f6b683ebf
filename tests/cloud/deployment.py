"""Deploys the stacks as on AWS: synthesized by `cdk`, assets uploaded to its bucket, created by CloudFormation. Before the upload
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
    """The synthesized stacks, of the ledger and of the sample subscribers, and their names."""

    def __init__(self, binaries, samples, folder, environment):
        """Synthesizes the dev stage with the functions of the folder `binaries`, the sample in Rust among them, and the other samples of the folder `samples`."""
        self.folder = Path(folder)
        self._environment = environment
        synthesize = ["npx", "--no-install", "cdk", "synth", "--quiet", "-o", self.folder, "-c", "stage=dev"]
        languages = ",".join([*sorted(one.name for one in samples.iterdir()), "rust"])
        context = ["-c", f"binaries={binaries}", "-c", f"samples={languages}", "-c", f"samplesBuilt={samples}"]
        subprocess.run([*synthesize, *context], cwd=INFRA, env=environment, check=True)
        stacks = _json(self.folder / "manifest.json")["artifacts"]
        self.name = stacks["ledger"]["properties"]["stackName"]
        self.samples = stacks["samples"]["properties"]["stackName"]
        self._bucket = None

    def create(self):
        """Uploads the assets and creates the stacks; raises CloudFormation's reasons on failure."""
        boto3.client("ssm").put_parameter(**BOOTSTRAPPED)
        self._create("ledger", self.name, {})
        self._create("samples", self.samples, self._access())

    def _create(self, artifact, name, parameters):
        self._upload(artifact)
        cloudformation = boto3.client("cloudformation")
        cloudformation.create_stack(
            StackName=name,
            TemplateURL=self._put_template(artifact),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )
        until = time.monotonic() + CREATES
        while (status := _status(cloudformation, name)).endswith("_IN_PROGRESS") and time.monotonic() < until:
            time.sleep(0.5)
        if status != "CREATE_COMPLETE":
            raise SystemExit(f"the stack {name} is {status}\n" + "\n".join(_failures(cloudformation, name)))

    def _access(self):
        """What a subscriber has to know of the ledger, as `infra/README.md` says; its secret is made here."""
        ids = self._ids()
        [stack] = boto3.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        [client] = [one["OutputValue"] for one in stack["Outputs"] if one.get("Description") == "Client id: subscriber"]
        pool = ids["AWS::Cognito::UserPool"]
        asked = boto3.client("cognito-idp").describe_user_pool_client(UserPoolId=pool, ClientId=client)["UserPoolClient"]
        value = {"client_id": asked["ClientId"], "client_secret": asked["ClientSecret"]}
        secret = boto3.client("secretsmanager").create_secret(Name="ledger-subscriber", SecretString=json.dumps(value))
        api, stage = ids["AWS::ApiGateway::RestApi"], ids["AWS::ApiGateway::Stage"]
        endpoint = os.environ["AWS_ENDPOINT_URL"]
        # By the id of the API: programs write 127.1, by which the emulator finds the domain, as 127.0.0.1.
        return {
            "LedgerUrl": f"{endpoint}/_aws/execute-api/{api}/{stage}",
            "TokenUrl": f"{endpoint}/oauth2/token",
            "Credentials": secret["ARN"],
        }

    def urls(self):
        """Two URLs of the API: below the stage, as at the address that API Gateway assigns, and below the base path of a domain.
        The stack's own URL only resolves on AWS."""
        ids = self._ids()
        api, stage = ids["AWS::ApiGateway::RestApi"], ids["AWS::ApiGateway::Stage"]
        gateway = boto3.client("apigateway")
        gateway.create_domain_name(domainName=DOMAIN)
        # A mapping without a stage takes the stage from the path, as the assigned address does.
        gateway.create_base_path_mapping(domainName=DOMAIN, restApiId=api)
        gateway.create_base_path_mapping(domainName=DOMAIN, restApiId=api, stage=stage, basePath=BASE_PATH)
        port = urlsplit(os.environ["AWS_ENDPOINT_URL"]).port
        return tuple(f"http://{DOMAIN}:{port}/{before}" for before in (stage, BASE_PATH))

    def _ids(self):
        """The physical ids of the ledger's resources by type; of those of which there is one."""
        resources = boto3.client("cloudformation").describe_stack_resources(StackName=self.name)["StackResources"]
        return {resource["ResourceType"]: resource["PhysicalResourceId"] for resource in resources}

    def _upload(self, artifact):
        s3 = boto3.client("s3")
        for file in _json(self.folder / f"{artifact}.assets.json")["files"].values():
            [place] = file["destinations"].values()
            bucket = _resolved(place["bucketName"])
            if self._bucket is None:
                s3.create_bucket(Bucket=bucket)
                self._bucket = bucket
            source = self.folder / file["source"]["path"]
            body = _zipped(source) if file["source"]["packaging"] == "zip" else source.read_bytes()
            s3.put_object(Bucket=bucket, Key=place["objectKey"], Body=body)

    def _put_template(self, artifact):
        transform = ["npx", "--no-install", "tsx", "ministack/main.ts"]
        whole = (self.folder / f"{artifact}.template.json").read_text()
        made = subprocess.run(
            transform, cwd=INFRA, env=self._environment, input=whole, text=True, stdout=subprocess.PIPE, check=True
        )
        key = f"{artifact}.transformed.template.json"
        boto3.client("s3").put_object(Bucket=self._bucket, Key=key, Body=made.stdout)
        return f"{os.environ['AWS_ENDPOINT_URL']}/{self._bucket}/{key}"


def _status(cloudformation, name):
    return cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]


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
