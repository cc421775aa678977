from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from billing import auditing, subscriptions  # noqa: F401  # registers whose charges they are

        subscriptions.subscribe()
