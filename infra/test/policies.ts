// Finds every policy statement in a template: inline, managed, attached, and resource policies.

import { type Json, list, type Template, text } from "./synth.ts";

export interface Statement {
  /** The logical id of the resource with the policy. */
  readonly on: string;
  readonly type: string;
  readonly effect: string;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly principal: unknown;
  readonly condition: Json | undefined;
  readonly sid: string | undefined;
  /** The logical ids of the roles with an identity policy. */
  readonly roles: readonly string[];
}

/** Finds anything with the form of a statement at any depth, so that no kind of policy is missed. */
export function statements(template: Template): Statement[] {
  return Object.entries(template.Resources).flatMap(([on, resource]) => {
    const held = resource.Type === "AWS::IAM::Role" ? [on] : list(resource.Properties?.Roles).map(roleId);
    return inside(resource.Properties).map((found) => ({
      on,
      type: resource.Type,
      effect: String(found.Effect),
      actions: [...list(found.Action), ...list(found.NotAction).map((action) => `not ${action}`)].map(String),
      resources: [...list(found.Resource), ...list(found.NotResource).map(() => "*")].map(text),
      principal: found.Principal,
      condition: found.Condition as Json | undefined,
      sid: found.Sid as string | undefined,
      roles: held,
    }));
  });
}

function inside(value: unknown): Json[] {
  if (typeof value !== "object" || value === null) {
    return [];
  }
  const own = "Effect" in value && ("Action" in value || "NotAction" in value) ? [value as Json] : [];
  return [...own, ...Object.values(value).flatMap(inside)];
}

function roleId(role: unknown): string {
  return (role as { Ref?: string }).Ref ?? JSON.stringify(role);
}

/** Whether an action of a policy, wildcards included, allows this one. */
export function covers(pattern: string, action: string): boolean {
  if (pattern.startsWith("not ")) {
    return !covers(pattern.slice(4), action);
  }
  const source = pattern
    .toLowerCase()
    .split(/([*?])/)
    .map((part) => (part === "*" ? ".*" : part === "?" ? "." : part.replace(/[.\\+^$()[\]{}|]/g, "\\$&")));
  return new RegExp(`^${source.join("")}$`).test(action.toLowerCase());
}

/** The grants of a role as sorted `action on resource` texts. */
export function grants(template: Template, role: string): string[] {
  const held = statements(template).filter(({ roles, principal }) => roles.includes(role) && principal === undefined);
  return lines(held);
}

/** The grants of a policy, by its logical id. */
export function granted(template: Template, policy: string): string[] {
  return lines(statements(template).filter(({ on }) => on === policy));
}

function lines(held: readonly Statement[]): string[] {
  return held
    .flatMap(({ effect, actions, resources, condition }) => {
      const only = condition ? ` if ${conditionText(condition)}` : "";
      const prefix = effect === "Allow" ? "" : `${effect} `;
      return actions.flatMap((action) => resources.map((on) => `${prefix}${action} on ${short(on)}${only}`));
    })
    .sort();
}

function conditionText(condition: Json): string {
  return Object.values(condition)
    .flatMap((tests) =>
      Object.entries(tests as Json).map(([key, value]) => `${key}=${list(value).map(text).map(short)}`),
    )
    .join(" and ");
}

/** Logical ids without the hash that CDK appends. */
export function short(on: string): string {
  return on.replace(/<([A-Za-z0-9]+?)[0-9A-F]{8}(\.[A-Za-z]+)?>/g, "<$1$2>");
}
