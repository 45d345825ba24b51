process EXPORT_BIDS {
    tag "${[maps].flatten().size()} maps"
    label 'cohort'

    input:
    path maps, stageAs: 'maps/*'
    path tables, stageAs: 'tables/*'
    path samplesheet
    val args
    val code

    output:
    path 'bids/**', emit: dataset, hidden: true

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    'export_bids.py' maps/* --tables tables --samplesheet ${samplesheet} \\
        --link --out bids ${args}
    """

    stub:
    """
    'export_bids.py' --help > /dev/null
    mkdir bids
    touch bids/dataset_description.json
    """
}
