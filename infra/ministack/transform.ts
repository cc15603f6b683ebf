// Adapts the synthesized template to ministack: removes the resource types listed here and dependencies on them, moves aliases
// without CodeDeploy, and runs functions on x86-64. Everything else is unchanged, which a test checks.

export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
  readonly UpdatePolicy?: unknown;
}
export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly [section: string]: unknown;
}

/** Types that ministack does not support. No assertion of the suite depends on them. */
export const DROPPED: readonly string[] = [
  // It does not support alarms on metric math, and the other alarms alone are of no use.
  "AWS::CloudWatch::Alarm",
  "AWS::CodeDeploy::Application",
  "AWS::CodeDeploy::DeploymentGroup",
  "AWS::EventSchemas::Registry",
  "AWS::EventSchemas::Schema",
  "AWS::Events::Archive",
  "AWS::WAFv2::LoggingConfiguration",
  "AWS::WAFv2::WebACL",
  "AWS::WAFv2::WebACLAssociation",
  // Its function needs Lambda's own runtime for Node, and empties a bucket when the stack is deleted, which the emulator's never is.
  "Custom::S3AutoDeleteObjects",
];

/** The template for ministack. */
export function forMinistack(template: Template): Template {
  const gone = new Set(
    Object.entries(template.Resources)
      .filter(([, resource]) => DROPPED.includes(resource.Type))
      .map(([id]) => id),
  );
  const kept = Object.entries(template.Resources).filter(([id]) => !gone.has(id));
  const transformed = { ...template, Resources: Object.fromEntries(kept.map(([id, one]) => [id, local(one, gone)])) };
  const dangling = references(transformed).filter((id) => gone.has(id));
  if (dangling.length > 0) {
    throw new Error(`${dangling.join(", ")} would be removed but is referenced`);
  }
  return transformed;
}

function local(resource: Resource, gone: ReadonlySet<string>): Resource {
  const after = [resource.DependsOn ?? []].flat().filter((id) => !gone.has(id));
  const { DependsOn, ...rest } = resource;
  const kept = DependsOn === undefined || after.length === 0 ? rest : { ...rest, DependsOn: after };
  if (resource.Type === "AWS::Lambda::Alias") {
    const { UpdatePolicy: _, ...alias } = kept;
    return alias;
  }
  // The function of CDK itself names no architecture.
  if (resource.Type !== "AWS::Lambda::Function" || !resource.Properties?.Architectures) {
    return kept;
  }
  return { ...kept, Properties: { ...resource.Properties, Architectures: ["x86_64"] } };
}

/** Every logical id that a value refers to. */
function references(value: unknown): string[] {
  if (typeof value !== "object" || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === "Ref") {
      return [String(inner)];
    }
    if (key === "Fn::GetAtt") {
      return [String([inner].flat()[0]).split(".")[0] ?? ""];
    }
    if (key === "DependsOn") {
      return [inner].flat().map(String);
    }
    return references(inner);
  });
}
