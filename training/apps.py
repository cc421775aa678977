from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "training"

    def ready(self) -> None:
        from billing.charge_processor import behaviour
        from ris import events
        from training import auditing  # noqa: F401  # registers whose entries lie on a console
        from training.actions import faults
        from training.faults import charge_processor

        behaviour.follow(charge_processor.behaviour)
        events.subscribe(events.StationRenamed, faults.follow)
