"""What lets the model server train in the cluster: the right to create Jobs, and the policy that narrows that right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import core, meta, rbac
from pulumi_kubernetes.admissionregistration import v1 as admission

from agents.runtime.names import APP_TRAINER, SERVICE_ACCOUNT_MODEL_SERVER, SERVICE_ACCOUNT_TRAINER
from infra.components.slot import Attachments
from infra.naming import NAMESPACE_LABEL, Identity
from infra.objects import object_metadata
from infra.training_rules import VARIABLES, Rule, creation_rules, deletion_rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.config import Training as Settings
    from infra.sections import Amounts

    _Validation = admission.ValidationArgs

_RBAC_GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class TrainingArgs:
    """What may be trained with, where."""

    settings: Settings
    image: pulumi.Input[str]
    claim: pulumi.Input[str]
    apps_namespace: str
    namespace: pulumi.Input[str]
    api_server_ports: tuple[int, ...]
    environment: str


class Training(pulumi.ComponentResource):
    """ServiceAccount `trainer` without rights, the model server's rights on Jobs, and two admission policies."""

    def __init__(self, name: str, args: TrainingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the policies first: the right must not exist a moment without them."""
        super().__init__("cryoprotect:app:Training", name, None, opts)
        self._args = args
        self._identity = Identity(name=APP_TRAINER, component="training", environment=args.environment)
        self._metadata = partial(object_metadata, self._identity, args.namespace)
        self._child = pulumi.ResourceOptions(parent=self)
        core.v1.ServiceAccount(
            "trainer",
            metadata=self._metadata(name=SERVICE_ACCOUNT_TRAINER),
            automount_service_account_token=False,
            opts=self._child,
        )
        bindings = [
            self._policy("training-create", ["CREATE", "UPDATE"], self._creation()),
            self._policy("training-delete", ["DELETE"], _render([deletion_rule()])),
        ]
        self._rights(bindings)
        self.register_outputs({})

    def attach(self) -> Attachments:
        """Return what a model server needs to order trainings."""
        settings = self._args.settings
        return Attachments(
            settings={
                "CRYO_TRAINER": "kubernetes",
                "CRYO_TRAINER_ACCOUNT": SERVICE_ACCOUNT_TRAINER,
                "CRYO_TRAINER_CLAIM": self._args.claim,
                "CRYO_TRAINER_DEADLINE_S": str(settings.deadline_s),
                "CRYO_TRAINER_IMAGE": self._args.image,
                "CRYO_TRAINER_LIMITS": _amounts(settings.resources.limits),
                "CRYO_TRAINER_PARALLEL": str(settings.parallel),
                "CRYO_TRAINER_REQUESTS": _amounts(settings.resources.requests),
            },
            api_server_ports=self._args.api_server_ports,
        )

    def _creation(self) -> pulumi.Output[list[_Validation]]:
        deadline_s = self._args.settings.deadline_s
        return pulumi.Output.all(self._args.image, self._args.claim).apply(
            lambda known: _render(creation_rules(image=known[0], claim=known[1], deadline_s=deadline_s))
        )

    def _policy(
        self, name: str, operations: Sequence[str], validations: pulumi.Input[list[_Validation]]
    ) -> pulumi.Resource:
        """Declare a policy for Jobs of the model server's ServiceAccount, and bind it to the namespace."""
        who = f"system:serviceaccount:{self._args.apps_namespace}:{SERVICE_ACCOUNT_MODEL_SERVER}"
        jobs = admission.NamedRuleWithOperationsArgs(
            api_groups=["batch"], api_versions=["v1"], operations=list(operations), resources=["jobs"]
        )
        policy = admission.ValidatingAdmissionPolicy(
            name,
            metadata=meta.v1.ObjectMetaArgs(labels=self._identity.labels()),
            spec=admission.ValidatingAdmissionPolicySpecArgs(
                failure_policy="Fail",
                match_constraints=admission.MatchResourcesArgs(resource_rules=[jobs]),
                match_conditions=[
                    admission.MatchConditionArgs(
                        name="model-server", expression=f"request.userInfo.username == '{who}'"
                    )
                ],
                variables=[admission.VariableArgs(name=key, expression=value) for key, value in VARIABLES.items()],
                validations=validations,
            ),
            opts=self._child,
        )
        return self._binding(name, policy.metadata.name)

    def _binding(self, name: str, policy: pulumi.Input[str]) -> pulumi.Resource:
        here = meta.v1.LabelSelectorArgs(match_labels={NAMESPACE_LABEL: self._args.apps_namespace})
        binding: pulumi.Resource = admission.ValidatingAdmissionPolicyBinding(
            name,
            metadata=meta.v1.ObjectMetaArgs(labels=self._identity.labels()),
            spec=admission.ValidatingAdmissionPolicyBindingSpecArgs(
                policy_name=policy,
                validation_actions=["Deny"],
                match_resources=admission.MatchResourcesArgs(namespace_selector=here),
            ),
            opts=self._child,
        )
        return binding

    def _rights(self, after: Sequence[pulumi.Resource]) -> None:
        role = rbac.v1.Role(
            "training",
            metadata=self._metadata(),
            rules=[
                rbac.v1.PolicyRuleArgs(api_groups=["batch"], resources=["jobs"], verbs=["get", "create", "delete"]),
                rbac.v1.PolicyRuleArgs(api_groups=[""], resources=["pods"], verbs=["get", "list"]),
                rbac.v1.PolicyRuleArgs(
                    api_groups=[""],
                    resources=["serviceaccounts"],
                    resource_names=[SERVICE_ACCOUNT_TRAINER],
                    verbs=["get"],
                ),
            ],
            opts=self._child,
        )
        rbac.v1.RoleBinding(
            "training",
            metadata=self._metadata(),
            role_ref=rbac.v1.RoleRefArgs(api_group=_RBAC_GROUP, kind="Role", name=role.metadata.name),
            subjects=[
                rbac.v1.SubjectArgs(
                    kind="ServiceAccount", name=SERVICE_ACCOUNT_MODEL_SERVER, namespace=self._args.namespace
                )
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )


def _render(rules: Sequence[Rule]) -> list[_Validation]:
    return [admission.ValidationArgs(expression=rule.expression, message=rule.message) for rule in rules]


def _amounts(amounts: Amounts) -> str:
    return f"cpu={amounts.cpu},memory={amounts.memory}"
