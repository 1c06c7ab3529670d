"""Route the pages of the portfolio."""

from django.urls import path

from portfolio.views import changes, futures, ledger, lending, lots, opening, overview, performance, policy, proof

app_name = "portfolio"
urlpatterns = [
    path("", overview.overview, name="overview"),
    path("new/", opening.new_portfolio, name="new_portfolio"),
    path("new/sum/", opening.weight_sum, name="weight_sum"),
    path("<int:portfolio_id>/fills/", ledger.fills, name="fills"),
    path("<int:portfolio_id>/transfers/", ledger.transfers, name="transfers"),
    path("<int:portfolio_id>/transfers/new/", ledger.new_transfer, name="new_transfer"),
    path("<int:portfolio_id>/transfers/<int:transfer_id>/reverse/", ledger.undo_transfer, name="reverse_transfer"),
    path("<int:portfolio_id>/moves/new/", changes.new_move, name="new_move"),
    path("<int:portfolio_id>/migrations/new/", changes.new_migration, name="new_migration"),
    path("<int:portfolio_id>/rebases/new/", changes.new_rebase, name="new_rebase"),
    path("<int:portfolio_id>/swaps/new/", changes.new_swap, name="new_swap"),
    path("<int:portfolio_id>/dust/new/", changes.new_dust, name="new_dust"),
    path("<int:portfolio_id>/accounts/new/", changes.new_account, name="new_account"),
    path("<int:portfolio_id>/futures/new/", futures.new_futures_fill, name="new_futures_fill"),
    path("<int:portfolio_id>/futures/close/", futures.new_close, name="new_close"),
    path("<int:portfolio_id>/futures/cash/", futures.new_cash, name="new_cash"),
    path("<int:portfolio_id>/futures/roll/", futures.new_roll, name="new_roll"),
    path("<int:portfolio_id>/lending/", lending.lending, name="lending"),
    path("<int:portfolio_id>/loans/new/", lending.new_loan, name="new_loan"),
    path("<int:portfolio_id>/loans/<int:loan_id>/reverse/", lending.undo_loan, name="reverse_loan"),
    path("<int:portfolio_id>/pledges/new/", lending.new_pledge, name="new_pledge"),
    path("<int:portfolio_id>/bonuses/new/", lending.new_bonus, name="new_bonus"),
    path("<int:portfolio_id>/bonuses/<int:bonus_id>/end/", lending.drop_bonus, name="end_bonus"),
    path("<int:portfolio_id>/yields/new/", lending.new_yield, name="new_yield"),
    path("<int:portfolio_id>/prices/new/", ledger.new_price, name="new_price"),
    path("<int:portfolio_id>/assets/new/", ledger.new_asset, name="new_asset"),
    path("<int:portfolio_id>/policy/", policy.policy, name="policy"),
    path("<int:portfolio_id>/policy/new/", policy.new_policy, name="new_policy"),
    path("<int:portfolio_id>/lots/", lots.lot_method, name="lot_method"),
    path("<int:portfolio_id>/proof/", proof.proof, name="proof"),
    path("<int:portfolio_id>/proof/fills/<int:fill_id>/", proof.proof_of_fill, name="fill_proof"),
    path("<int:portfolio_id>/proof/assets/<str:symbol>/", proof.proof_of_asset, name="asset_proof"),
    path("<int:portfolio_id>/proof/assets/<str:symbol>/<slug:table>.csv", proof.table_of_asset, name="proof_csv"),
    path("<int:portfolio_id>/performance/", performance.performance, name="performance"),
    path("<int:portfolio_id>/charts/index.json", performance.index_spec, name="index_spec"),
    path("<int:portfolio_id>/charts/drawdown.json", performance.drawdown_spec, name="drawdown_spec"),
    path("<int:portfolio_id>/charts/equity.json", overview.equity_spec, name="equity_spec"),
    path("<int:portfolio_id>/charts/sleeves.json", overview.sleeve_spec, name="sleeve_spec"),
]
