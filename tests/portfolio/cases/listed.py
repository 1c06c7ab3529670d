"""List what the ledger answers otherwise than another system: whole methods, conventions, and cases by id."""

from __future__ import annotations

METHODS = {
    "LOFO": "lowest cost first",
    "STRICT": "refuse to choose between lots",
    "STRICT_WITH_SIZE": "refuse to choose between lots, unless one has the very size",
    "NONE": "book a reduction as a negative lot of its own",
    "specific_identification": "name the lots that a sale takes",
    "ROAI": "return on average investment",
    "liabilities": "debts as activities",
}
CONVENTIONS = {
    "no_spot_shorts": (
        "DECISIONS 14: more than is held is refused, or recorded unmatched in an import; there is no negative spot lot."
    ),
    "unknown_cost_is_refused": "DOMAIN 4.1: a deposit needs a cost or a market value; no cost is never zero.",
    "unmatched_has_no_gain": (
        "DECISIONS 14: what nobody saw come in has no cost basis, and its proceeds are no realized gain."
    ),
    "unpriced_is_refused": "DOMAIN 4.1: income and fees in a coin need a price; the case states none.",
    "swaps_are_sales": "DOMAIN 4.1: a swap of coins is a sale and a purchase at market value.",
    "past_cost_always_counts": "DOMAIN 4.1: lots from before the reported period keep their cost.",
    "fee_in_what_is_received": (
        "DOMAIN 4.1: a fee in the received coin lowers what is received, at the same cost; it is not added to the cost."
    ),
    "no_collections": "DOMAIN 4.1: a wrapped token is an asset of its own, with lots of its own.",
    "hifo_with_fees": "DOMAIN 4.1: HIFO compares unit costs with capitalised fees, not spot prices.",
    "one_method_a_portfolio": "DOMAIN 4.1: the method is a portfolio's; accounts of one asset share it.",
    "lots_of_all_accounts": "DOMAIN 4.1: in the scope of the portfolio a sale takes lots wherever they were bought.",
    "returns_from_valuations": "DOMAIN 4.6: a gain counts from the valuation that shows it, on all that was there.",
    "no_return_is_null": "DOMAIN 4.6: where nothing was invested there is no return; it is not zero.",
    "one_currency": "DOMAIN 4.1: costs are in the portfolio's currency; an average is never of two.",
    "not_stated": "What decides the case is not stated in it.",
}
SUBJECTS = {
    "returns": "returns, drawdown and volatility",
    "ratios": "ratios of two numbers",
    "interpolation": "amounts that a bookkeeper leaves out",
    "syntax": "how a journal is written and printed",
    "journal_checks": "errors about what a journal says of itself",
    "no_journal": "journals that are not in their case",
    "internals": "assertions about a system's own objects",
}
LISTED = {
    "rotki": {
        "rotki-paraswap_swap_with_fee-0_0_0": "fee_in_what_is_received",
        "rotki-ignoring_transaction_from_accounting-0": "not_stated",
        "rotki-asset_and_price_not_found_in_history_processing-0_0": "unpriced_is_refused",
        "rotki-buying_selling_eth_before_daofork-0_1_0": "unmatched_has_no_gain",
        "rotki-kraken_staking_events-0_0": "unpriced_is_refused",
        "rotki-kraken_staking_events-1_0": "unpriced_is_refused",
        "rotki-kraken_staking_events-2_0": "unpriced_is_refused",
        "rotki-cb-swap-taxability-00": "swaps_are_sales",
        "rotki-cb-collection-shared": "no_collections",
    },
    "rp2": {},
    "beancount": {
        "bc-augment__from_empty__no_cost__neg": "no_spot_shorts",
        "bc-augment__from_empty__at_cost__neg": "no_spot_shorts",
        "bc-augment__from_empty__incomplete_cost__with_currency": "unknown_cost_is_refused",
    },
    "hledger": {
        "hledger-roi-4": "returns_from_valuations",
        "hledger-roi-8": "no_return_is_null",
    },
    "portfolio_performance": {"pp-trade-short": "no_spot_shorts"},
    "ghostfolio": {},
}
