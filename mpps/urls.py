"""Addresses of the pages about destinations, and what is sent to them."""

from django.urls import path, re_path

from mpps import destination_views

urlpatterns = [
    path("destinations/", destination_views.listing, name="destinations"),
    path("destinations/add/", destination_views.register, name="destination-new"),
    path("destinations/<int:pk>/", destination_views.show, name="destination"),
    path("destinations/<int:pk>/edit/", destination_views.edit, name="destination-edit"),
    path("destinations/<int:pk>/remove/", destination_views.remove, name="destination-remove"),
    path("destinations/<int:pk>/try-now/", destination_views.try_now, name="destination-try"),
    re_path(r"^deliveries/(?P<pk>[0-9]{1,18})/(?P<verb>send-again|leave-out)/$", destination_views.decide, name="delivery-decide"),
]
