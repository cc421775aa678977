from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "training"

    def ready(self) -> None:
        from billing.charge_processor import outage
        from training.faults import active
        from training.faults.kinds import CHARGE_PROCESSOR

        outage.follow(lambda: active.of_kind(CHARGE_PROCESSOR) is not None)
