"""The console's URLs."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from broadcast.dashboard import live

handler500 = "broadcast.core.failures.server_error"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/live/", admin.site.admin_view(live), name="console_live"),
    path("admin/", admin.site.urls),
]
