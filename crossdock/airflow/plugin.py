"""Crossdock's page inside Airflow: mounted in the API server, shown in the navigation.

Airflow loads plugins in every process, so nothing is built until the first request comes.
"""

import hmac
import logging
from typing import Final
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin
from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX: Final = "/crossdock"

log = logging.getLogger(__name__)


class Console:
    """The ASGI app, made at the first request."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            self._app = inside_airflow()
        await self._app(scope, receive, send)


def inside_airflow() -> ASGIApp:
    """The console, for whoever Airflow lets see the website and the runs of ``process``. Whoever may start such a run
    may act here, under the name that Airflow knows."""
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity
    from airflow.api_fastapi.core_api.security import get_user, requires_access_dag, requires_access_view
    from fastapi import Depends, HTTPException, Request

    from crossdock.console.acting import Actor
    from crossdock.console.app import create_app
    from crossdock.console.serve import open_store
    from crossdock.registry import Registry

    def allowed(
        website: None = Depends(requires_access_view(AccessView.WEBSITE)),
        runs: None = Depends(requires_access_dag("GET", DagAccessEntity.RUN, param_dag_id="process")),
    ) -> None:
        """Both dependencies raise 401 or 403 by themselves."""

    may_run = requires_access_dag("POST", DagAccessEntity.RUN, param_dag_id="process")

    def who(request: Request, user: BaseUser = Depends(get_user)) -> Actor:  # noqa: B008 (FastAPI's way)
        try:
            may_run(request, user)
        except HTTPException as error:
            if error.status_code != 403:
                raise
            return Actor(
                name=user.get_name(),
                may_act=False,
                instead="Airflow lets you look and not act: acting wants the permission to start runs of 'process'.",
            )
        return Actor(name=user.get_name(), may_act=True)

    def airflow_url(request: Request) -> str:
        return str(request.scope.get("root_path", "")).removesuffix(PREFIX)

    return create_app(
        open_store=open_store,
        registry=Registry(),
        authorize=allowed,
        who=who,
        secret=hmac.digest(str(conf.get("api", "secret_key")).encode(), b"crossdock console", "sha256"),
        airflow_url=airflow_url,
        wake=wake_process,
    )


def wake_process(connector: str) -> None:
    """Ring the bell of this connector in Airflow, as its receiver would. The clock of ``process`` is the net."""
    from airflow.assets.manager import asset_manager
    from airflow.serialization.definitions.assets import SerializedAssetUniqueKey
    from airflow.utils.session import create_session

    from crossdock.airflow.assets import received

    bell = received(connector)
    with create_session() as session:
        asset_manager.register_asset_change(
            asset=SerializedAssetUniqueKey(name=bell.name, uri=bell.uri), source_is_api=True, session=session
        )


class CrossdockPlugin(AirflowPlugin):
    """Registered by ``plugins/crossdock_plugin.py``."""

    name = "crossdock"

    def __init__(self) -> None:
        super().__init__()
        # Airflow may live under a path of its own (https://ops.example/airflow/); the frame's address needs it.
        root = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
        self.fastapi_apps = [{"app": Console(), "url_prefix": PREFIX, "name": "Crossdock"}]
        self.external_views = [
            {
                "name": "Crossdock",
                "href": f"{root}{PREFIX}/",
                "destination": "nav",
                "url_route": "crossdock",
                "nav_top_level": True,
                "icon": f"{root}{PREFIX}/static/crossdock.svg",
            }
        ]
