"""Suites, the figures that papers report, and which runs stand beside them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "suites",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("citation", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False, comment="the paper's table or figure"),
        sa.Column("task", sa.String(length=50), nullable=False),
        sa.Column(
            "definition", sa.JSON(), nullable=False, comment="columns, methods, caveats: what a page of it needs"
        ),
        sa.Column(
            "notes", sa.JSON(), nullable=False, comment="which data was chosen, which methods were skipped and why"
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_suites")),
    )
    op.create_table(
        "reported",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("suite", sa.String(length=200), nullable=False),
        sa.Column("citation", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False, comment="the paper's table or figure"),
        sa.Column("row", sa.String(length=200), nullable=False, comment="the method as the paper calls it"),
        sa.Column("dataset", sa.String(length=500), nullable=False, comment="what the paper was measured on, in words"),
        sa.Column(
            "degradation", sa.String(length=300), nullable=False, comment="canonical id; empty for hyper-parameters"
        ),
        sa.Column("pair", sa.String(length=50), nullable=False),
        sa.Column("metric", sa.String(length=100), nullable=False),
        sa.Column("value", sa.Float(), nullable=False, comment="as printed"),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["suite"], ["suites.name"], name=op.f("fk_reported_suite_suites")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reported")),
        sa.UniqueConstraint(
            "suite",
            "row",
            "dataset",
            "degradation",
            "pair",
            "metric",
            name=op.f("uq_reported_suite_row_dataset_degradation_pair_metric"),
        ),
    )
    op.create_table(
        "suite_runs",
        sa.Column("suite", sa.String(length=200), nullable=False),
        sa.Column("method", sa.String(length=500), nullable=False, comment="which of the suite's methods"),
        sa.Column("run_id", sa.String(length=12), nullable=False),
        sa.Column("note", sa.Text(), nullable=False, comment="the line that says which data was chosen"),
        sa.Column("added", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_suite_runs_run_id_runs")),
        sa.ForeignKeyConstraint(["suite"], ["suites.name"], name=op.f("fk_suite_runs_suite_suites")),
        sa.PrimaryKeyConstraint("suite", "method", "run_id", name=op.f("pk_suite_runs")),
    )


def downgrade() -> None:
    op.drop_table("suite_runs")
    op.drop_table("reported")
    op.drop_table("suites")
