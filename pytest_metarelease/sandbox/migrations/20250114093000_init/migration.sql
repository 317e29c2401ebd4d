-- CreateTable
CREATE TABLE "orders" (
    "id" VARCHAR(66) NOT NULL PRIMARY KEY,
    "maker" VARCHAR(42) NOT NULL,
    "sell_token" VARCHAR(42) NOT NULL,
    "buy_token" VARCHAR(42) NOT NULL,
    "sell_amount" VARCHAR(78) NOT NULL,
    "buy_amount" VARCHAR(78) NOT NULL,
    "nonce" VARCHAR(78) NOT NULL,
    "expiry" BIGINT NOT NULL,
    "signature" VARCHAR(132) NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL
);
