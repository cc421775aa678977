from django.apps import AppConfig


class WorklistConfig(AppConfig):
    name = "worklist"

    def ready(self) -> None:
        from worklist import projection, renamed

        projection.subscribe()
        renamed.subscribe()
