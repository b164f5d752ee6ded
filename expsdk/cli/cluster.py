"""`expsdk install` and `expsdk uninstall`: expsdk in a cluster."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from expsdk.cli.output import say
from expsdk.cli.place import Context, Kubeconfig, find_place
from expsdk.errors import ClusterError

if TYPE_CHECKING:
    from expsdk.cluster.api import Api
    from expsdk.cluster.uninstall import Loss

app = typer.Typer()


@app.command()
def install(
    namespaces: Annotated[
        list[str] | None,
        typer.Option(
            "--namespace",
            "-n",
            metavar="NAME",
            help="Where sweeps are to run; may be repeated. By default the context's.",
        ),
    ] = None,
    create_namespace: Annotated[
        bool, typer.Option("--create-namespace", help="Create namespaces that are not there.")
    ] = False,
    namespaced_only: Annotated[
        bool,
        typer.Option(
            "--namespaced-only",
            help="Touch nothing outside the namespaces: for who is admin there, where an administrator of the cluster"
            " has installed expsdk once.",
        ),
    ] = False,
    printed: Annotated[
        bool, typer.Option("--print", help="Print what would be applied, as YAML, and change nothing (for GitOps).")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Install this version's definitions over a newer one's.")
    ] = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Install expsdk in a cluster, or renew it.

    Doing it again changes nothing.

    That is two definitions (Experiment, Result), three ClusterRoles (expsdk-user, expsdk-coordinator, expsdk-trial),
    and in each namespace where sweeps run two ServiceAccounts with their RoleBindings. Nothing runs there.

    \b
    expsdk install
    expsdk install --namespace ml --create-namespace
    expsdk install --namespace ml --print | kubectl apply --server-side -f -
    """
    from expsdk.cluster import install as steps

    if printed:
        import yaml

        chosen = namespaces or [_namespace_to_print(context, kubeconfig)]
        documents = steps.documents(chosen, namespaced_only=namespaced_only, create_namespaces=create_namespace)
        typer.echo(yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=120), nl=False)
        return
    api = _connect(context, kubeconfig)
    outcomes = steps.install(
        api,
        namespaces or [api.namespace],
        namespaced_only=namespaced_only,
        create_namespaces=create_namespace,
        force=force,
        tell=typer.echo,
    )
    if all(outcome.change == "unchanged" for outcome in outcomes):
        typer.echo("expsdk is installed already, in this version")


@app.command()
def uninstall(
    namespaces: Annotated[
        list[str] | None,
        typer.Option(
            "--namespace",
            "-n",
            metavar="NAME",
            help="Clear these namespaces only, and touch no record; may be repeated. By default all of expsdk goes.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Take expsdk from a cluster, with all results.

    Tells how many experiments there are, and asks first.

    \b
    expsdk uninstall
    expsdk uninstall --namespace ml        ml's accounts and bindings only; records stay
    """
    from expsdk.cluster import uninstall as steps

    api = _connect(context, kubeconfig)
    outcomes = steps.uninstall(api, namespaces or [], agree=lambda loss: _agree(loss, api, yes=yes), tell=typer.echo)
    if outcomes is None:
        say("nothing has been changed")
        raise typer.Exit(1)
    if not outcomes:
        typer.echo("there was nothing to take away")


def _agree(loss: Loss, api: Api, *, yes: bool) -> bool:
    where = f"in the cluster of context {api.connection.context}"
    if yes:
        say(f"{where}: {loss}")
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ClusterError(f"uninstalling asks first, and nobody is here to answer: {where}, {loss}; agree with --yes")
    return typer.confirm(f"{where}: {loss}.\nTake expsdk away?", err=True)


def _connect(context: str | None, kubeconfig: str | None) -> Api:
    from expsdk.cluster.api import Api

    return Api.connect(**find_place(backend="kubernetes", context=context, kubeconfig=kubeconfig).options())


def _namespace_to_print(context: str | None, kubeconfig: str | None) -> str:
    """Return the context's namespace, which is all that printing needs of a kubeconfig."""
    try:
        return _connect(context, kubeconfig).namespace
    except ClusterError as error:
        raise ClusterError(f"--print needs --namespace where no kubeconfig tells one ({error})") from error
